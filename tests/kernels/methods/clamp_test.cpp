// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

namespace {

// As sd-mecha has it: each end towards the innermost bound on its side of the average.
double clamped(const std::vector<double>& x, double stiffness) {
  const std::vector<double> bounds(x.begin() + 1, x.end());
  double average = 0;
  for (const double bound : bounds) average += bound / static_cast<double>(bounds.size());
  const double least = *std::ranges::min_element(bounds), most = *std::ranges::max_element(bounds);
  double inner_least = least, inner_most = most;
  for (const double bound : bounds) {
    if (bound <= average) inner_least = std::max(inner_least, bound);
    if (bound >= average) inner_most = std::min(inner_most, bound);
  }
  const double low = (1 - stiffness) * least + stiffness * inner_least;
  const double high = (1 - stiffness) * most + stiffness * inner_most;
  return std::min(std::max(x[0], low), high);
}

}  // namespace

TEST_CASE("clamp: A between the least and the largest of the others, exactly") {
  for (const size_t inputs : {3u, 4u, 9u}) {
    check_definition(
        "clamp", with_values(inputs, {0}), [](const std::vector<double>& x) { return clamped(x, 0); }, 0);
    check_equal_stays("clamp", with_values(inputs, {0}));
    check_nan_stays("clamp", with_values(inputs, {0}));
  }
  CHECK(merged("clamp", {1, 0, 0.5}, {{5, -5, 2}, {1, 1, 1}, {3, 3, 3}}) == std::vector<float>{3, 1, 2});
}

TEST_CASE("clamp: stiffness moves the ends inwards") {
  const auto run = [](double stiffness, float a) {
    return merged("clamp", coefficients("clamp", with_values(5, {stiffness})).values, {{a}, {0}, {3}, {5}, {8}})[0];
  };
  CHECK(run(0, 9) == 8);
  CHECK(run(1, 9) == 5);
  CHECK(run(0.5, 9) == 6.5f);
  CHECK(run(1, -9) == 3);
  CHECK(run(0.5, -9) == 1.5f);
  CHECK(run(1, 4) == 4);
  for (const double stiffness : {0.25, 1.0}) {
    check_equal_stays("clamp", with_values(4, {stiffness}));
    check_nan_stays("clamp", with_values(4, {stiffness}));
    // Of two bounds each is the innermost on its side.
    check_definition(
        "clamp", with_values(3, {stiffness}), [](const std::vector<double>& x) { return clamped(x, 0); }, 2);
  }
  for (const double stiffness : {-0.1, 1.1})
    CHECK(coefficients("clamp", with_values(3, {stiffness})).fault == "stiffness must lie between 0 and 1");
}

}  // namespace ckmerge
