// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

namespace {

double of_largest_magnitude(const std::vector<double>& x, double alpha) {
  double largest = 0;
  for (size_t k = 1; k < x.size(); ++k) {
    const double difference = x[k] - x[0];
    const bool larger = std::fabs(difference) > std::fabs(largest);
    if (larger || (difference == -largest && difference > 0)) largest = difference;
  }
  return x[0] + alpha * largest;
}

}  // namespace

TEST_CASE("magmax: A and the difference of the largest magnitude") {
  for (const size_t inputs : {2u, 3u, 9u})
    for (const double alpha : {1.0, 0.4}) {
      check_definition(
          "magmax", with_values(inputs, {alpha}),
          [=](const std::vector<double>& x) { return of_largest_magnitude(x, alpha); }, 4);
      check_equal_stays("magmax", with_values(inputs, {alpha}));
      check_nan_stays("magmax", with_values(inputs, {alpha}));
    }
  CHECK(copied("magmax", {0}, 3) == 0);
}

TEST_CASE("magmax: of equal magnitudes the positive one, in any order") {
  CHECK(merged("magmax", {1}, {{1}, {3}, {-1}}) == std::vector<float>{3});
  CHECK(merged("magmax", {1}, {{1}, {-1}, {3}}) == std::vector<float>{3});
  CHECK(merged("magmax", {1}, {{1}, {-2}, {3}, {0}}) == std::vector<float>{-2});
}

}  // namespace ckmerge
