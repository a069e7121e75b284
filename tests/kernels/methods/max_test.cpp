// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("max: exactly the maximum of any number, NaN where one is NaN") {
  for (const size_t inputs : {2u, 3u, 9u}) {
    const Arguments arguments = with_values(inputs, {});
    check_definition(
        "max", arguments, [](const std::vector<double>& x) { return *std::ranges::max_element(x); }, 0);
    check_equal_stays("max", arguments);
    check_nan_stays("max", arguments);
  }
  CHECK(merged("max", {}, {{INFINITY, -INFINITY}, {1, 1}}) == std::vector<float>{INFINITY, 1});
}

}  // namespace ckmerge
