// SPDX-License-Identifier: Apache-2.0
// Algebra of one long line, of one large square and of few large slices ends soon after the stop flag is raised: there
// is a look at it between pieces of work of some milliseconds, however the tensor is cut.
#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "core/algebra/assignment.h"
#include "core/algebra/element_order.h"
#include "core/algebra/fourier.h"
#include "core/algebra/orthonormal.h"
#include "core/algebra/wave_gains.h"
#include "core/algebra/window_filters.h"
#include "tests/core/stops.h"
#include "tests/sanitized.h"

using namespace ckmerge;
using namespace ckmerge::test;

TEST_CASE("pairs are looked for no longer than the stop flag allows") {
  constexpr uint64_t kCount = 600;
  std::mt19937 draw(3);
  std::vector<float> all(kCount * kCount);
  for (float& gain : all) gain = static_cast<float>(draw() % 5000) / 64.0F;
  check_stops([&](const Hands& hands) { best_assignment({all.data(), kCount, kCount}, hands); }, 5);
}

TEST_CASE("a transform of one line asks whether to stop, of lengths with large prime factors, too") {
  for (const uint64_t length : {uint64_t{1} << 19, uint64_t{300'007}, uint64_t{3 * 100'003}, uint64_t{67 * 67 * 67}}) {
    if (kSanitized && length != 300'007) continue;
    const std::vector<double> elements = random_rows(1, length, length).elements;
    const auto filter = [&](const Hands& hands) {
      std::vector<double> some = elements;
      apply_gains(
          some, std::vector<uint64_t>{length}, [](WaveIndex) { return 0.5; }, hands);
    };
    check_stops(filter, 50);
  }
}

TEST_CASE("waves of few long rows and along a long axis ask whether to stop") {
  for (const std::vector<uint64_t>& shape : {std::vector<uint64_t>{3, 200'000}, {200'000, 3}, {2, 100'000, 2}}) {
    const std::vector<double> elements =
        random_rows(1, shape[0] * shape[1] * (shape.size() > 2 ? shape[2] : 1), 1).elements;
    const auto filter = [&](const Hands& hands) {
      std::vector<double> some = elements;
      apply_gains(
          some, shape, [](WaveIndex) { return 0.5; }, hands);
    };
    check_stops(filter, 40);
  }
}

TEST_CASE("elements are put in order no longer than the stop flag allows, the last merge included") {
  constexpr uint64_t kCount = uint64_t{1} << 20;
  const std::vector<double> elements = random_rows(1, kCount, 2).elements;
  check_stops([&](const Hands& hands) { order_of(elements, hands); }, 5 * 16);
}

TEST_CASE("filters of few large slices and of one long line ask whether to stop") {
  const std::vector<double> elements = random_rows(1, 12 * 30'000, 4).elements;
  const auto medians = [&](const Hands& hands) {
    medians_of_three(elements, std::vector<uint64_t>{12, 30'000}, hands);
  };
  check_stops(medians, 8);
  const std::vector<double> longer = random_rows(1, 1'000'000, 4).elements;
  const auto blurred = [&](const Hands& hands) {
    std::vector<double> some = longer;
    blur(some, std::vector<uint64_t>{some.size()}, hands);
  };
  check_stops(blurred, 10);
}

TEST_CASE("a long line's transform is the same bits for any number of hands") {
  for (const uint64_t length : {uint64_t{1} << 18, uint64_t{200'003}, uint64_t{3 * 70'001}}) {
    if (kSanitized && length != 200'003) continue;
    const std::vector<double> elements = random_rows(1, 2 * length, 7).elements;
    const auto transformed = [&](const Hands& hands) {
      std::vector<double> parts = elements, scratch(Fourier::scratch_count(length, 1));
      Fourier(length, hands).transform(parts.data(), parts.data() + length, 1, scratch.data(), hands);
      return parts;
    };
    CHECK(transformed({}) == transformed({.threads = 3}));
  }
}
