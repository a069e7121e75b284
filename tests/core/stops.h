// SPDX-License-Identifier: Apache-2.0
// Work of many hands that is to end soon after its stop flag is raised, wherever it is then.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <functional>

#include "core/threads/hands.h"
#include "tests/core/failure.h"
#include "tests/sanitized.h"

namespace ckmerge::test {

using StoppedWork = std::function<void(const Hands&)>;

/// How often it asks whether to stop.
inline int questions_of(const StoppedWork& work, unsigned threads = 1) {
  std::atomic<int> asked = 0;
  work({.threads = threads, .stop = StopFlag([&] {
                              ++asked;
                              return false;
                            })});
  return asked;
}

/// At least so many questions, and after each of some of them an end. Which those of several threads are is by chance.
/// Sanitizers, under which all takes many times as long, see one end of two threads.
inline void check_stops(const StoppedWork& work, int least) {
  const int all = questions_of(work);
  CHECK(all >= least);
  for (const int threads : {1, 2})
    for (const int before : {0, 1, all / 3, all / 2, all - 2}) {
      if (kSanitized && (threads == 1 || before != all / 3)) continue;
      std::atomic<int> asked = 0;
      const Hands hands{.threads = static_cast<unsigned>(threads), .stop = StopFlag([&] { return ++asked > before; })};
      CHECK(failure([&] { work(hands); }).code == ErrorCode::interrupted);
      CHECK(asked <= before + 1 + threads);
    }
}

}  // namespace ckmerge::test
