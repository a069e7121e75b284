// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("scale: one product") {
  for (const double alpha : {2.0, 0.3, -1.0})
    check_definition(
        "scale", with_values(1, {alpha}), [=](const std::vector<double>& x) { return alpha * x[0]; }, 2);
  CHECK(copied("scale", {1}, 1) == 0);
  CHECK(merged("scale", {0}, {{NAN, 3}}) == std::vector<float>{0, 0});
  check_nan_stays("scale", with_values(1, {0.5}));
}

}  // namespace ckmerge
