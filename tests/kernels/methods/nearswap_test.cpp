// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("nearswap: B where it is near, A and a share of the way where it is not") {
  for (const double t : {0.0001, 0.01, 1.0}) {
    check_definition(
        "nearswap", with_values(2, {t}),
        [=](const std::vector<double>& x) {
          const double w = std::min(t / std::max(std::fabs(x[0] - x[1]), 1e-6), 1.0);
          return w * x[1] + (1 - w) * x[0];
        },
        8);
    check_equal_stays("nearswap", with_values(2, {t}));
    check_nan_stays("nearswap", with_values(2, {t}));
  }
  CHECK(copied("nearswap", {0}, 2) == 0);
  CHECK(merged("nearswap", {1}, {{1, 1}, {1.5f, 9}}) == std::vector<float>{1.5f, 2});
  CHECK_FALSE(coefficients("nearswap", with_values(2, {-1})).fault.empty());
}

TEST_CASE("nearswap: mergekit's operations in f32, in its order") {
  const auto a = weights(1), b = weights(2);
  const std::vector<float> out = merged("nearswap", {0.01}, {a, b});
  for (size_t i = 0; i < a.size(); ++i) {
    volatile float distance = std::fabs(a[i] - b[i]);
    volatile float reciprocal = 1.0f / std::fmax(distance, 1e-6f);
    volatile float share = reciprocal * 0.01f;
    share = std::fmin(share, 1.0f);
    volatile float near = share * b[i], rest = 1.0f - share, far = rest * a[i], sum = near + far;
    CHECK(out[i] == sum);
  }
}

}  // namespace ckmerge
