// SPDX-License-Identifier: Apache-2.0
#include "core/orders/held_strips.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace ckmerge;

namespace {

constexpr uint64_t kSize = 10 + HeldStrips::kEntry;

// Strips of 10 bytes; counts how often one is made.
struct Strips {
  HeldStrips held;
  int made = 0;

  bool makes(uint64_t tensor, uint64_t strip) {
    const int before = made;
    held.get({tensor, strip}, [&] {
      ++made;
      return std::vector<std::byte>(10);
    });
    return made > before;
  }
};

}  // namespace

TEST_CASE("held strips: a tensor's stay for the next walk, and the oldest of others go first") {
  Strips strips{.held = {6 * kSize, 2}};
  for (uint64_t strip = 0; strip < 4; ++strip) CHECK(strips.makes(0, strip));
  for (uint64_t strip = 0; strip < 4; ++strip) CHECK_FALSE(strips.makes(0, strip));
  for (uint64_t strip = 0; strip < 3; ++strip) CHECK(strips.makes(1, strip));
  CHECK_FALSE(strips.makes(0, 3));
  CHECK_FALSE(strips.makes(1, 0));
  CHECK(strips.makes(0, 0));
}

TEST_CASE("held strips: of a tensor that does not fit, those that came first and the last ones stay") {
  Strips strips{.held = {5 * kSize, 2}};
  for (uint64_t strip = 0; strip < 9; ++strip) CHECK(strips.makes(0, strip));
  for (const uint64_t strip : {0, 1, 2, 7, 8}) CHECK_FALSE(strips.makes(0, strip));
  for (const uint64_t strip : {3, 6}) CHECK(strips.makes(0, strip));
}

TEST_CASE("held strips: without room the last ones stay, and who fails leaves the next to make it") {
  Strips strips{.held = {0, 2}};
  for (uint64_t strip = 0; strip < 3; ++strip) CHECK(strips.makes(0, strip));
  CHECK_FALSE(strips.makes(0, 1));
  CHECK_FALSE(strips.makes(0, 2));
  CHECK(strips.makes(0, 0));
  CHECK_THROWS_AS(strips.held.get({1, 0}, []() -> std::vector<std::byte> { throw std::runtime_error("full"); }),
                  std::runtime_error);
  CHECK(strips.makes(1, 0));
}

TEST_CASE("held strips: one that several want at once is made once, whether it is held or not") {
  constexpr int kThreads = 8;
  HeldStrips held(0, 1);
  std::latch begin(kThreads);
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      begin.arrive_and_wait();
      held.get({0, 0}, [&] {
        ++made;
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        return std::vector<std::byte>(10);
      });
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(made == 1);
}
