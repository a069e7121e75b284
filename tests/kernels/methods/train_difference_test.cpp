// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("train_difference: the difference in the measure in which B is not A yet") {
  for (const double alpha : {1.0, 0.3, -0.5}) {
    const Arguments arguments = with_values(3, {alpha});
    check_definition(
        "train_difference", arguments,
        [=](const std::vector<double>& x) {
          const double near = std::fabs(x[1] - x[0]), far = std::fabs(x[1] - x[2]);
          return x[0] + (near + far == 0 ? 0 : 1.8 * alpha * near / (near + far) * (x[1] - x[2]));
        },
        16);
    check_equal_stays("train_difference", arguments);
    check_nan_stays("train_difference", arguments);
  }
}

TEST_CASE("train_difference: no difference and nothing of it leave A") {
  const auto a = weights(1), b = weights(2);
  CHECK(copied("train_difference", {0}, 3) == 0);
  CHECK(merged("train_difference", {1.8}, {a, b, b}) == a);
  CHECK(merged("train_difference", {1.8}, {a, a, b}) == a);
}

}  // namespace ckmerge
