// SPDX-License-Identifier: Apache-2.0
#include "core/backend_choice.h"

#include <doctest/doctest.h>

using namespace ckmerge;

namespace {

constexpr uint64_t kTile = 1000;
constexpr unsigned kRound = 4;

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
    for (const Backend used : played(choice, 40, 1, 1)) CHECK(used == backend);
    CHECK(choice.settled() == backend);
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
    BackendChoice choice(kTile, kRound);
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
  BackendChoice choice(kTile, 1);
  const double ends[] = {100, 101, 1101, 1102, 1103, 1104};  // 100 and 1000 seconds of warming up
  for (uint64_t k = 0; k < 6; ++k) choice.finish(tile(k), ends[k]);
  REQUIRE(choice.measured());
  CHECK(choice.measured()->cpu == doctest::Approx(kTile));
  CHECK(choice.measured()->device == doctest::Approx(kTile));
}

TEST_CASE("tiles that end out of order, and until the last of them is there the last round goes on") {
  BackendChoice choice(kTile, kRound);
  for (uint64_t k = 24; k-- > 1;) choice.finish(tile(k), static_cast<double>(k + 1));
  CHECK_FALSE(choice.measured());
  CHECK(choice.settled() == Backend::cpu);
  CHECK(choice.next(tile(100)) == Backend::device);
  choice.finish(tile(0), 1);
  REQUIRE(choice.measured());
  CHECK(choice.settled() == Backend::cpu);
  CHECK(choice.next(tile(100)) == Backend::cpu);
}
