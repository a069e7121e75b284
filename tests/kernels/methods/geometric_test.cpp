// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("geometric: the real part of A^(1 - alpha) * B^alpha, powers being complex") {
  for (const double alpha : {0.5, 0.1, 0.9}) {
    const Arguments arguments = with_values(2, {alpha});
    check_definition(
        "geometric", arguments,
        [=](const std::vector<double>& x) {
          const double size = std::pow(std::fabs(x[0]), 1 - alpha) * std::pow(std::fabs(x[1]), alpha);
          const double sign = x[0] < 0 ? -1 : 1;
          const bool differ = (x[0] < 0) != (x[1] < 0);
          return size * sign * (differ ? std::cos(std::acos(-1) * alpha) : 1);
        },
        8);  // exponents are rounded to f32 too
    check_equal_stays("geometric", arguments);
    check_nan_stays("geometric", arguments);
  }
}

TEST_CASE("geometric: its ends are A and B, and beyond them it is refused") {
  CHECK(copied("geometric", coefficients("geometric", with_values(2, {0})).values, 2) == 0);
  CHECK(copied("geometric", coefficients("geometric", with_values(2, {1})).values, 2) == 1);
  for (const double alpha : {-0.01, 1.01})
    CHECK_FALSE(coefficients("geometric", with_values(2, {alpha})).fault.empty());
  const std::vector<double> half = coefficients("geometric", with_values(2, {0.5})).values;
  CHECK(merged("geometric", half, {{4, -4, 4, 0, 4}, {9, -9, -9, 5, 0}}) == std::vector<float>{6, -6, 0, 0, 0});
}

}  // namespace ckmerge
