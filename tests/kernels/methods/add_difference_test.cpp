// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("add_difference: the difference, its product and the sum, each rounded") {
  const auto a = weights(1), b = weights(2), c = weights(3);
  for (const double alpha : {1.0, 0.6, -0.25}) {
    std::vector<float> expected(a.size());
    for (size_t i = 0; i < a.size(); ++i) {
      volatile float difference = b[i] - c[i], product = static_cast<float>(alpha) * difference;
      expected[i] = a[i] + product;
    }
    CHECK(coefficients("add_difference", with_number(3, alpha)).values == std::vector<double>{alpha});
    CHECK(merged("add_difference", {alpha}, {a, b, c}) == expected);
    if (alpha == 0.6) CHECK(digest(expected) == 0xad8cef1412e66cac);
  }
}

TEST_CASE("add_difference: alpha 0 is A, whatever B and C hold") {
  CHECK(copied("add_difference", {0}, 3) == 0);
  CHECK(merged("add_difference", {0}, {{5}, {NAN}, {INFINITY}}) == std::vector<float>{5});
}

TEST_CASE("add_difference: B equal to C leaves A as it is, but is computed") {
  const auto a = weights(1), b = weights(2);
  CHECK_FALSE(copied("add_difference", {1}, 3));
  CHECK(merged("add_difference", {1}, {a, b, b}) == a);
  CHECK(std::isnan(merged("add_difference", {1}, {{1}, {INFINITY}, {INFINITY}})[0]));
}

}  // namespace ckmerge
