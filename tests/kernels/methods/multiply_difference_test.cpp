// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("multiply_difference: the geometric mean of two differences in the direction of their sum") {
  for (const double alpha : {0.5, 0.1, 0.0, 1.0})
    for (const double beta : {0.5, 0.25}) {
      const Arguments arguments = with_values(3, {alpha, beta});
      check_definition(
          "multiply_difference", arguments,
          [=](const std::vector<double>& x) {
            const double size = std::pow(std::fabs(x[0] - x[2]), 1 - alpha) * std::pow(std::fabs(x[1] - x[2]), alpha);
            // In f32, because where the direction nearly vanishes its sign hangs on the roundings.
            volatile float a = static_cast<float>(1 - beta) * static_cast<float>(x[0]);
            volatile float b = static_cast<float>(beta) * static_cast<float>(x[1]), both = a + b;
            volatile float direction = both - static_cast<float>(x[2]);
            return x[2] + std::copysign(size, direction);
          },
          8);
      check_equal_stays("multiply_difference", arguments);
      check_nan_stays("multiply_difference", arguments);
    }
  for (const double alpha : {-0.01, 1.01})
    CHECK_FALSE(coefficients("multiply_difference", with_values(3, {alpha, 0.5})).fault.empty());
  const std::vector<double> half = coefficients("multiply_difference", with_values(3, {0.5, 0.5})).values;
  CHECK(merged("multiply_difference", half, {{5, -3}, {10, -8}, {1, 1}}) == std::vector<float>{7, -5});
}

}  // namespace ckmerge
