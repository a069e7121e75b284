// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("min: exactly the minimum of any number, NaN where one is NaN") {
  for (const size_t inputs : {2u, 3u, 9u}) {
    const Arguments arguments = with_values(inputs, {});
    check_definition(
        "min", arguments, [](const std::vector<double>& x) { return *std::ranges::min_element(x); }, 0);
    check_equal_stays("min", arguments);
    check_nan_stays("min", arguments);
  }
  CHECK(merged("min", {}, {{INFINITY, -INFINITY}, {1, 1}}) == std::vector<float>{1, -INFINITY});
}

}  // namespace ckmerge
