// SPDX-License-Identifier: Apache-2.0
#include "core/threads/hands.h"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <vector>

#include "core/threads/thread_pool.h"
#include "io/text/error.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

TEST_CASE("hands share every number once, whatever their number and that of a part") {
  for (const unsigned threads : {1u, 2u, 7u})
    for (const uint64_t count : {0u, 1u, 5u, 64u})
      for (const uint64_t each : {1u, 3u, 100u}) {
        std::vector<std::atomic<int>> done(count);
        const auto part = [&](uint64_t begin, uint64_t end) {
          CHECK(end - begin <= each);
          for (uint64_t k = begin; k < end; ++k) ++done[k];
        };
        Hands{.threads = threads}.share(count, each, part);
        for (const std::atomic<int>& times : done) CHECK(times == 1);
      }
}

TEST_CASE("hands end with the first error, and where the stop flag is raised") {
  const Hands four{.threads = 4};
  CHECK_THROWS_AS(four.share(100, 1,
                             [](uint64_t begin, uint64_t) {
                               if (begin == 7) throw std::logic_error("seven");
                             }),
                  std::logic_error);
  std::atomic<bool> raised = false;
  for (const unsigned threads : {1u, 3u}) {
    raised = false;
    std::atomic<int> parts = 0;
    const Hands hands{.threads = threads, .stop = &raised};
    hands.check();
    const Failure stopped = failure([&] {
      hands.share(1000, 1, [&](uint64_t, uint64_t) {
        if (++parts == 5) raised = true;
      });
    });
    CHECK(stopped.code == ErrorCode::interrupted);
    CHECK(parts < 5 + static_cast<int>(threads));
  }
}

TEST_CASE("hands end where another worker of the pool that they work for has failed") {
  const std::function<void(const Progress&)> nobody;
  const StopFlag never;
  ThreadPool pool({.on_progress = nobody, .stop = never}, Stage::merge, 1);
  std::atomic<int> worker = 0, interrupted = 0;
  const auto work = [&] {
    if (worker++ == 0) throw std::logic_error("first");
    const Hands hands{.threads = 2};
    const Failure stopped = failure([&] {
      for (;;) hands.share(4, 1, [&](uint64_t, uint64_t) { hands.check(); });
    });
    if (stopped.code == ErrorCode::interrupted) ++interrupted;
  };
  CHECK_THROWS_AS(pool.run(2, work), std::logic_error);
  CHECK(interrupted == 1);
  Hands{}.check();  // what is done for nobody goes on
}
