// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("weighted_subtraction: A without a share of B") {
  for (const double alpha : {0.5, 0.9, -0.5})
    for (const double beta : {0.5, 0.25})
      check_definition(
          "weighted_subtraction", with_values(2, {alpha, beta}),
          [=](const std::vector<double>& x) { return (x[0] - alpha * beta * x[1]) / (1 - alpha * beta); }, 8);
  check_equal_stays("weighted_subtraction", with_values(2, {0.5, 0.5}));
  check_nan_stays("weighted_subtraction", with_values(2, {0.5, 0.5}));
}

TEST_CASE("weighted_subtraction: mixing the share in again gives A") {
  const auto a = weights(1), b = weights(2);
  const auto without =
      merged("weighted_subtraction", coefficients("weighted_subtraction", with_values(2, {0.5, 0.6})).values, {a, b});
  const auto again = merged("weighted_sum", {0.7, 0.3}, {without, b});
  for (size_t i = 0; i < a.size(); ++i) CHECK(std::fabs(again[i] - a[i]) < 2e-8);
}

TEST_CASE("weighted_subtraction: nothing of B is A, and nothing of A is refused") {
  CHECK(copied("weighted_subtraction", coefficients("weighted_subtraction", with_values(2, {0, 0.5})).values, 2) == 0);
  for (const double alpha : {1.0, 2.0, 0.1, 1 / 1.1})
    CHECK_FALSE(coefficients("weighted_subtraction", with_values(2, {alpha, 1 / alpha})).fault.empty());
}

}  // namespace ckmerge
