// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("triple_sum: the weighted sum of three") {
  for (const double alpha : {0.5, 0.3, -1.0})
    for (const double beta : {0.25, 0.7})
      check_definition(
          "triple_sum", with_values(3, {alpha, beta}),
          [=](const std::vector<double>& x) { return (1 - alpha - beta) * x[0] + alpha * x[1] + beta * x[2]; }, 8);
  check_equal_stays("triple_sum", with_values(3, {0.3, 0.6}));
  check_nan_stays("triple_sum", with_values(3, {0.3, 0.6}));
  CHECK(copied("triple_sum", coefficients("triple_sum", with_values(3, {0, 0})).values, 3) == 0);
  CHECK(copied("triple_sum", coefficients("triple_sum", with_values(3, {0, 1})).values, 3) == 2);
}

}  // namespace ckmerge
