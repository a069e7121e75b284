// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("add_strict_opposite: nothing unless A and B are opposed") {
  for (const double alpha : {1.0, 0.3}) {
    const Arguments arguments = with_values(3, {alpha});
    check_definition(
        "add_strict_opposite", arguments,
        [=](const std::vector<double>& x) {
          const double most = std::max(std::fabs(x[0] - x[2]), std::fabs(x[1] - x[2]));
          const double share = most == 0 ? 0 : std::max((x[2] - x[0]) * (x[1] - x[2]) / (most * most), 0.0);
          return x[0] + 2 * alpha * share * (x[1] - x[2]);
        },
        16);
    check_equal_stays("add_strict_opposite", arguments);
    check_nan_stays("add_strict_opposite", arguments);
  }
  CHECK(copied("add_strict_opposite", {0}, 3) == 0);
  CHECK(merged("add_strict_opposite", {2}, {{3, 3, 2}, {1, 4, 2}, {2, 2, 2}}) == std::vector<float>{1, 3, 2});
  // Zeros of both signs are equal, though not in their bits.
  CHECK(merged("add_strict_opposite", {2}, {{0}, {-0.0F}, {0}}) == std::vector<float>{0});
  // Differences whose squares are no numbers of f32 any more.
  CHECK(merged("add_strict_opposite", {2}, {{0x1p-100f}, {-0x1p-100f}, {0}}) == std::vector<float>{-0x1p-100f});
}

}  // namespace ckmerge
