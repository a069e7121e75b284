// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("expo: a step beyond A, away from B") {
  for (const double alpha : {0.3, 1.0, -0.5})
    check_definition(
        "expo", with_number(2, alpha), [=](const auto& x) { return x[0] + alpha * (x[0] - x[1]); }, 3);
}

TEST_CASE("expo: alpha 0 copies A, equal stays equal, NaN stays where it is") {
  CHECK(copied("expo", coefficients("expo", with_number(2, 0)).values, 2) == 0);
  check_equal_stays("expo", with_number(2, 0.3));
  check_nan_stays("expo", with_number(2, 0.3));
}

}  // namespace ckmerge
