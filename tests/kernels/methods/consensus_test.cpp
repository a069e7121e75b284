// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {
namespace {

std::vector<float> run(const std::vector<double>& numbers, const std::vector<std::vector<float>>& x) {
  return merged("consensus", coefficients("consensus", with_values(x.size(), numbers)).values, x);
}

}  // namespace

TEST_CASE("consensus: the sum of differences where enough of them count it as theirs, by f32's roundings") {
  for (const size_t inputs : {3u, 5u})
    for (const double least : {0.0, 1.0, 2.0}) {
      std::vector<std::vector<float>> x;
      for (size_t k = 0; k < inputs; ++k) x.push_back(weights(static_cast<unsigned>(k + 1)));
      const std::vector<float> got = run({0.7, 0.4, least}, x);
      size_t wrong = 0;
      for (size_t i = 0; i < got.size(); ++i) {
        volatile float sum = x[1][i] - x[0][i];
        for (size_t k = 2; k < inputs; ++k) {
          volatile float delta = x[k][i] - x[0][i];
          sum = sum + delta;
        }
        double count = 0;
        for (size_t k = 1; k < inputs; ++k) {
          volatile float delta = x[k][i] - x[0][i], rest = sum - delta, most = 0.4f * std::fabs(rest);
          count += std::fabs(delta) >= most ? 1 : 0;
        }
        volatile float added = 0.7f * sum;
        wrong += got[i] != (count >= least ? x[0][i] + added : x[0][i]);
      }
      CHECK(wrong == 0);
    }
}

TEST_CASE("consensus: what one checkpoint alone has is left out, what two have is added") {
  CHECK(run({1, 0.4, 2}, {{0, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 0, 0}}) == std::vector<float>{0, 2, 0});
  CHECK(run({1, 0.4, 1}, {{0, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 0, 0}}) == std::vector<float>{1, 2, 0});
}

TEST_CASE("consensus: equal stays equal, NaN stays where it is, parameters have their limits") {
  check_equal_stays("consensus", with_values(4, {1, 0.4, 2}));
  check_nan_stays("consensus", with_values(4, {1, 0.4, 2}));
  const auto fault = [](const std::vector<double>& numbers) {
    return coefficients("consensus", with_values(3, numbers)).fault;
  };
  CHECK(fault({1, -1, 2}).starts_with("threshold"));
  CHECK(fault({1, 0.4, 0.5}).starts_with("least"));
  CHECK(fault({1, 0.4, 3}).starts_with("least"));
}

}  // namespace ckmerge
