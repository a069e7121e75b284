// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("add_opposite: the difference in the measure in which A and B are opposed") {
  for (const double alpha : {1.0, 0.3}) {
    const Arguments arguments = with_values(3, {alpha});
    check_definition(
        "add_opposite", arguments,
        [=](const std::vector<double>& x) {
          const double apart = std::fabs(x[0] - x[1]), both = std::fabs(x[0] + x[1] - 2 * x[2]);
          return x[0] + (apart + both == 0 ? 0 : 2 * alpha * apart / (apart + both) * (x[1] - x[2]));
        },
        16);
    check_equal_stays("add_opposite", arguments);
    check_nan_stays("add_opposite", arguments);
  }
  CHECK(copied("add_opposite", {0}, 3) == 0);
  // Opposed: twice the difference. On one side and equal: nothing.
  CHECK(merged("add_opposite", {2}, {{3, 3}, {1, 3}, {2, 2}}) == std::vector<float>{1, 3});
}

}  // namespace ckmerge
