// SPDX-License-Identifier: Apache-2.0
#include "core/device/backend_choice.h"

#include <doctest/doctest.h>

#include <vector>

using namespace ckmerge;

namespace {

constexpr uint64_t kTile = 1000;
constexpr unsigned kRound = 4;
constexpr uint64_t kFile = 1000 * kTile;

ByteRange tile(uint64_t index) { return {index * kTile, (index + 1) * kTile}; }

// Tiles one after another, each as long as its backend takes; returns which got them.
std::vector<Backend> played(BackendChoice& choice, unsigned tiles, double cpu_seconds, double device_seconds) {
  std::vector<Backend> backends;
  double now = 0;
  for (unsigned k = 0; k < tiles; ++k) {
    backends.push_back(choice.next(tile(k)));
    now += backends.back() == Backend::cpu ? cpu_seconds : device_seconds;
    choice.finish(tile(k), now);
  }
  return backends;
}

}  // namespace

TEST_CASE("a backend that was asked for gets every tile") {
  for (const Backend backend : {Backend::cpu, Backend::device}) {
    BackendChoice choice(backend);
    choice.open();
    for (const Backend used : played(choice, 40, 1, 1)) CHECK(used == backend);
    CHECK(choice.settled() == backend);
    CHECK(choice.for_statistics() == backend);
    CHECK_FALSE(choice.measured());
  }
}

TEST_CASE("rounds go to both, and then all to the faster") {
  struct Case {
    double cpu, device;
    Backend winner;
  };
  for (const auto& [cpu, device, winner] :
       {Case{2, 1, Backend::device}, Case{1, 2, Backend::cpu}, Case{1, 1, Backend::cpu}, Case{1.05, 1, Backend::cpu},
        Case{1.2, 1, Backend::device}}) {
    BackendChoice choice(kTile, kRound, kFile);
    choice.open();
    const auto backends = played(choice, 40, cpu, device);
    for (size_t k = 0; k < kRound * BackendChoice::kRounds.size(); ++k)
      CHECK(backends[k] == BackendChoice::kRounds[k / kRound]);
    for (size_t k = kRound * BackendChoice::kRounds.size(); k < backends.size(); ++k) CHECK(backends[k] == winner);
    REQUIRE(choice.measured());
    CHECK(choice.measured()->cpu == doctest::Approx(kTile / cpu));
    CHECK(choice.measured()->device == doctest::Approx(kTile / device));
  }
}

TEST_CASE("the first round of each backend does not count") {
  BackendChoice choice(kTile, 1, kFile);
  choice.open();
  choice.next(tile(0));
  const double ends[] = {100, 101, 1101, 1102, 1103, 1104};  // 100 and 1000 seconds of warming up
  for (uint64_t k = 0; k < 6; ++k) choice.finish(tile(k), ends[k]);
  REQUIRE(choice.measured());
  CHECK(choice.measured()->cpu == doctest::Approx(kTile));
  CHECK(choice.measured()->device == doctest::Approx(kTile));
}

TEST_CASE("tiles that end out of order, and until the last of them is there the last round goes on") {
  BackendChoice choice(kTile, kRound, kFile);
  choice.open();
  choice.next(tile(0));
  for (uint64_t k = 24; k-- > 1;) choice.finish(tile(k), static_cast<double>(k + 1));
  CHECK_FALSE(choice.measured());
  CHECK_FALSE(choice.settled());
  CHECK(choice.for_statistics() == Backend::cpu);
  CHECK(choice.next(tile(100)) == Backend::device);
  choice.finish(tile(0), 1);
  REQUIRE(choice.measured());
  CHECK(choice.settled() == Backend::cpu);
  CHECK(choice.next(tile(100)) == Backend::cpu);
}

TEST_CASE("rounds begin when the device is open, with the next tile, and those before it are not measured") {
  BackendChoice choice(kTile, kRound, kFile);
  for (uint64_t k = 0; k < 10; ++k) {
    CHECK(choice.next(tile(k)) == Backend::cpu);
    choice.finish(tile(k), 1000);
  }
  CHECK(choice.next(tile(12)) == Backend::cpu);
  choice.open();
  CHECK(choice.next(tile(13)) == Backend::cpu);
  CHECK(choice.next(tile(11)) == Backend::cpu);  // another worker's, taken before
  choice.finish(tile(11), 1001);
  double now = 2000;
  for (uint64_t k = 0; k < kRound * BackendChoice::kRounds.size(); ++k) {
    const Backend backend = choice.next(tile(13 + k));
    CHECK(backend == BackendChoice::kRounds[k / kRound]);
    choice.finish(tile(13 + k), now += backend == Backend::cpu ? 4 : 2);
  }
  REQUIRE(choice.measured());
  CHECK(choice.measured()->cpu == doctest::Approx(kTile / 4.0));
  CHECK(choice.measured()->device == doctest::Approx(kTile / 2.0));
  CHECK(choice.settled() == Backend::device);
}

TEST_CASE("a measurement that would be more than a quarter of what is left is not begun") {
  const uint64_t least = BackendChoice::least(kTile, kRound);
  CHECK(least == 96 * kTile);
  for (const bool enough : {true, false}) {
    BackendChoice choice(kTile, kRound, kFile);
    choice.open();
    choice.next(tile(1000 - 96 + (enough ? 0 : 1)));
    CHECK((choice.settled() == Backend::cpu) == !enough);
    CHECK_FALSE(choice.measured());
  }
}

TEST_CASE("a device that failed gets nothing more, measured or not") {
  BackendChoice choice(kTile, kRound, kFile);
  choice.open();
  CHECK(choice.next(tile(0)) == Backend::cpu);
  CHECK(choice.next(tile(8)) == Backend::device);
  choice.give_up();
  CHECK(choice.next(tile(9)) == Backend::cpu);
  CHECK(choice.settled() == Backend::cpu);
}
