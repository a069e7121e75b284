// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {

TEST_CASE("linear: products are summed from the first checkpoint to the last, each step rounded") {
  for (const size_t inputs : {1u, 2u, 3u, 20u}) {
    std::vector<std::vector<float>> tensors;
    std::vector<double> c;
    for (size_t k = 0; k < inputs; ++k) {
      tensors.push_back(weights(static_cast<unsigned>(k)));
      c.push_back(0.9 / static_cast<double>(k + 1));
    }
    std::vector<float> expected(tensors[0].size());
    for (size_t i = 0; i < expected.size(); ++i) {
      volatile float sum = static_cast<float>(c[0]) * tensors[0][i];
      for (size_t k = 1; k < inputs; ++k) {
        volatile float product = static_cast<float>(c[k]) * tensors[k][i];
        sum = sum + product;
      }
      expected[i] = sum;
    }
    CHECK(merged("linear", c, tensors) == expected);
    if (inputs == 20) CHECK(digest(expected) == 0x14d84c291bde01bb);
  }
}

TEST_CASE("linear: no weights is the average; weights are divided by their sum unless told not to") {
  CHECK(coefficients("linear", with_numbers(4, {}, true)).values == std::vector<double>(4, 0.25));
  CHECK(coefficients("linear", with_numbers(3, {}, false)).values == std::vector<double>(3, 1.0 / 3));
  CHECK(coefficients("linear", with_numbers(2, {1, 3}, true)).values == std::vector<double>{0.25, 0.75});
  CHECK(coefficients("linear", with_numbers(2, {1, 3}, false)).values == std::vector<double>{1, 3});
}

TEST_CASE("linear: weights that sum to 0 are refused only where they would be divided by it") {
  CHECK(coefficients("linear", with_numbers(2, {1, -1}, true)).fault.find("--no-normalize") != std::string::npos);
  CHECK(coefficients("linear", with_numbers(2, {1, -1}, false)).fault.empty());
  CHECK(merged("linear", {1, -1}, {{5}, {3}}) == std::vector<float>{2});
}

TEST_CASE("linear: a weight of 0 drops its checkpoint, NaN and Inf included; one weight of 1 is a copy") {
  CHECK(merged("linear", {0.5, 0, 0.5}, {{2}, {NAN}, {4}}) == std::vector<float>{3});
  CHECK(merged("linear", {0, 0.5, 0}, {{INFINITY}, {4}, {NAN}}) == std::vector<float>{2});
  CHECK(copied("linear", {0, 1, 0}, 3) == 1);
  CHECK_FALSE(copied("linear", {1, 1}, 2));
  CHECK(merged("linear", {1, 1}, {{2}, {3}}) == std::vector<float>{5});
  CHECK(merged("linear", {0, 0}, {{NAN}, {INFINITY}}) == std::vector<float>{0});
}

}  // namespace ckmerge
