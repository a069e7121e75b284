// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("weighted_sum: alpha of the way from A to B, two products rounded and then their sum") {
  const auto a = weights(1), b = weights(2);
  const std::vector<double> c = coefficients("weighted_sum", with_number(2, 0.3)).values;
  CHECK(c == std::vector<double>{1 - 0.3, 0.3});
  std::vector<float> expected(a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    volatile float x = static_cast<float>(c[0]) * a[i], y = static_cast<float>(c[1]) * b[i];
    expected[i] = x + y;
  }
  CHECK(merged("weighted_sum", c, {a, b}) == expected);
  CHECK(digest(expected) == 0xccf2aa2737bdce17);
}

TEST_CASE("weighted_sum: alpha 0 is A, alpha 1 is B, whatever the other holds") {
  CHECK(copied("weighted_sum", coefficients("weighted_sum", with_number(2, 0)).values, 2) == 0);
  CHECK(copied("weighted_sum", coefficients("weighted_sum", with_number(2, 1)).values, 2) == 1);
  CHECK(merged("weighted_sum", {0, 1}, {{NAN, INFINITY}, {1, 2}}) == std::vector<float>{1, 2});
}

TEST_CASE("weighted_sum: alpha beyond the two checkpoints extrapolates; a NaN stays one and is the positive one") {
  CHECK(merged("weighted_sum", coefficients("weighted_sum", with_number(2, 2)).values, {{1}, {4}}) ==
        std::vector<float>{7});
  CHECK(merged("weighted_sum", coefficients("weighted_sum", with_number(2, -1)).values, {{1}, {4}}) ==
        std::vector<float>{-2});
  const float nan = merged("weighted_sum", {0.5, 0.5}, {{-NAN}, {1}})[0];
  CHECK(std::isnan(nan));
  CHECK_FALSE(std::signbit(nan));
}

}  // namespace ckmerge
