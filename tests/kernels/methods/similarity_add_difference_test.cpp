// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("similarity_add_difference: between the difference added and the average") {
  for (const double alpha : {1.0, 0.3})
    for (const double beta : {0.5, 1.0, 0.0}) {
      const Arguments arguments = with_values(3, {alpha, beta});
      check_definition(
          "similarity_add_difference", arguments,
          [=](const std::vector<double>& x) {
            const double most = std::max(std::fabs(x[0]), std::fabs(x[1]));
            const double s = most == 0 ? beta : beta * (x[0] * x[1] / (most * most) + 1) / 2;
            return (1 - s) * (x[0] + alpha * (x[1] - x[2])) + s * ((1 - alpha / 2) * x[0] + alpha / 2 * x[1]);
          },
          16);
      check_equal_stays("similarity_add_difference", arguments);
      check_nan_stays("similarity_add_difference", arguments);
    }
}

TEST_CASE("similarity_add_difference: beta 0 is add_difference, bit for bit") {
  const auto a = weights(1), b = weights(2), c = weights(3);
  CHECK(merged("similarity_add_difference", coefficients("similarity_add_difference", with_values(3, {0.6, 0})).values,
               {a, b, c}) == merged("add_difference", {0.6}, {a, b, c}));
}

}  // namespace ckmerge
