// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {
namespace {

std::vector<float> ram(double epsilon, const std::vector<std::vector<float>>& x) {
  return merged("ram", coefficients("ram", with_number(x.size(), epsilon)).values, x);
}

}  // namespace

TEST_CASE("ram: the average of the changes of those that have any, by f32's roundings") {
  for (const size_t inputs : {2u, 3u, 5u}) {
    std::vector<std::vector<float>> x = {weights(1)};
    for (size_t k = 1; k < inputs; ++k) {
      x.push_back(weights(static_cast<unsigned>(k + 1)));
      for (size_t i = 0; i < x[k].size(); ++i)
        if (i % (k + 2) == 0) x[k][i] = x[0][i] + 1e-6f * static_cast<float>(i % 13);  // no change, or a little one
    }
    const std::vector<float> got = ram(1e-5, x);
    size_t wrong = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      float count = 0;
      for (size_t k = 1; k < inputs; ++k) count += std::fabs(x[k][i] - x[0][i]) > 1e-5f ? 1.0f : 0.0f;
      volatile float sum = 0;
      for (size_t k = 1; k < inputs; ++k) {
        volatile float delta = x[k][i] - x[0][i];
        volatile float share = delta / std::max(count, 1.0f);
        if (std::fabs(delta) > 1e-5f) sum = sum + share;
      }
      wrong += got[i] != x[0][i] + sum;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("ram: a change up to epsilon is none; alone it counts in full, shared by two in half") {
  CHECK(ram(0.5, {{0, 0, 0, 0}, {0.5f, 1, 1, -1}, {0, 0, 2, 1}}) == std::vector<float>{0, 1, 1.5f, 0});
  CHECK(ram(0, {{1, 1}, {1.5f, 1}, {1, 1}}) == std::vector<float>{1.5f, 1});
}

TEST_CASE("ram: equal stays equal, NaN stays where it is, and epsilon has its limit") {
  check_equal_stays("ram", with_number(3, 1e-5));
  check_nan_stays("ram", with_number(3, 1e-5));
  CHECK(coefficients("ram", with_number(3, -1)).fault.starts_with("epsilon"));
}

}  // namespace ckmerge
