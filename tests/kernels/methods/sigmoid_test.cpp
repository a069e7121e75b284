// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("sigmoid: weights on logistic curves") {
  for (const double alpha : {0.0, 0.5, 1.0, -1.0, 2.0, 1000.0, -1000.0}) {
    const auto s = [](double x) { return 1 / (1 + std::exp(-x)); };
    const std::vector<double> c = coefficients("sigmoid", with_values(2, {alpha})).values;
    CHECK(std::fabs(c[0] - (s(4 * alpha) - s(alpha))) < 0x1p-51);
    CHECK(std::fabs(c[1] - s(4 * alpha)) < 0x1p-51);
  }
  check_definition(
      "sigmoid", with_values(2, {0}), [](const std::vector<double>& x) { return 0.5 * x[1]; }, 0);
  check_nan_stays("sigmoid", with_values(2, {0.5}));
}

}  // namespace ckmerge
