// SPDX-License-Identifier: Apache-2.0
#include "core/threads/semaphore.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace ckmerge;

TEST_CASE("a semaphore lets so many pass at once, and all of them in the end") {
  Semaphore semaphore(2);
  std::atomic<int> inside = 0, most = 0, passed = 0;
  {
    std::vector<std::jthread> threads;
    for (int k = 0; k < 6; ++k)
      threads.emplace_back([&] {
        for (int turn = 0; turn < 2000; ++turn) {
          semaphore.acquire();
          const int now = ++inside;
          for (int known = most; now > known && !most.compare_exchange_weak(known, now);) continue;
          --inside;
          semaphore.release();
          ++passed;
        }
      });
  }
  CHECK(passed == 12'000);
  CHECK(most <= 2);
  semaphore.release(3);
  for (int k = 0; k < 5; ++k) semaphore.acquire();  // all that is left
}
