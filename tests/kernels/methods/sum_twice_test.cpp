// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("sum_twice: two weighted sums, with the bits of one after the other") {
  const auto a = weights(1), b = weights(2), c = weights(3);
  for (const double alpha : {0.5, 0.3, -1.0})
    for (const double beta : {0.25, 0.7, 2.0}) {
      const Arguments arguments = with_values(3, {alpha, beta});
      check_definition(
          "sum_twice", arguments,
          [=](const std::vector<double>& x) { return (1 - beta) * ((1 - alpha) * x[0] + alpha * x[1]) + beta * x[2]; },
          16);
      const auto first = merged("weighted_sum", {1 - alpha, alpha}, {a, b});
      CHECK(merged("sum_twice", coefficients("sum_twice", arguments).values, {a, b, c}) ==
            merged("weighted_sum", {1 - beta, beta}, {first, c}));
    }
  check_equal_stays("sum_twice", with_values(3, {0.3, 0.6}));
  check_nan_stays("sum_twice", with_values(3, {0.3, 0.6}));
}

TEST_CASE("sum_twice: a share of one is that checkpoint") {
  CHECK(copied("sum_twice", coefficients("sum_twice", with_values(3, {0, 0})).values, 3) == 0);
  CHECK(copied("sum_twice", coefficients("sum_twice", with_values(3, {1, 0})).values, 3) == 1);
  CHECK(copied("sum_twice", coefficients("sum_twice", with_values(3, {0.5, 1})).values, 3) == 2);
}

}  // namespace ckmerge
