// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "tests/kernels/methods/dare_runs.h"

namespace ckmerge {
namespace {

// In f32 where signs are elected, by the order of the checkpoints, as mergekit does it; else in f64.
TensorDefinition definition_of(const DareNumbers& of) {
  return [=](const std::vector<Vector>& x) {
    const std::vector<Vector> all = dare_deltas("dare_ties", x, of);
    Vector out = x[0];
    for (size_t i = 0; i < out.size(); ++i) {
      volatile float election = 0;
      for (const Vector& delta : all) election = election + static_cast<float>(delta[i]);
      double sum = 0, divisor = 0;
      for (size_t k = 0; k < all.size(); ++k) {
        const double value = all[k][i];
        if (election < 0 ? value >= 0 : value <= 0) continue;
        sum += value;
        divisor += of.weights.empty() ? 1 : of.weights[k + 1];
      }
      out[i] += of.alpha * (of.normalize ? sum / (divisor == 0 ? 1 : divisor) : sum);
    }
    return out;
  };
}

TensorRun run(const DareNumbers& of, const std::vector<std::vector<float>>& x) {
  return merged_by_tensor("dare_ties", dare_arguments(x.size(), of), x);
}

// Where a sum is nearly 0 another rounding elects another sign; of those few elements nothing is checked.
void check(const std::vector<std::vector<float>>& x, const DareNumbers& of, double bound) {
  const std::vector<float> got = run(of, x).out;
  std::vector<Vector> wide;
  for (const auto& one : x) wide.emplace_back(one.begin(), one.end());
  const Vector right = definition_of(of)(wide);
  size_t far = 0;
  for (size_t i = 0; i < got.size(); ++i) far += std::fabs(got[i] - right[i]) > bound * 0x1p-24;
  CHECK(far <= got.size() / 2000);
}

}  // namespace

TEST_CASE("dare_ties: of kept differences those of the elected sign") {
  for (const size_t inputs : {2u, 3u, 6u})
    for (const double apart : {1.0, 0.02}) {
      const auto x = tensors_apart(inputs, 4001, apart);
      check(x, {.density = 0.5, .seed = 5}, 4);
      check(x, {.alpha = 0.7, .density = 0.8, .normalize = true, .seed = 6}, 4);
      check(x, {.density = 0.5, .rescale = false, .seed = 5}, 4);
      check(x, {.normalize = true}, 4);
    }
  const auto x = tensors_apart(4, 4001, 0.1);
  check(x, {.weights = {9, 0.6, -0.3, 1}, .densities = {0, 0.5, 0.7, 1}, .normalize = true, .seed = 2}, 8);
}

TEST_CASE("dare_ties: a sum of 0 elects what is above, zeros are on neither side, and no divisor is 0") {
  const auto one = [](const DareNumbers& of, const std::vector<float>& b, const std::vector<float>& c) {
    return run(of, {std::vector<float>(b.size()), b, c}).out;
  };
  CHECK(one({}, {1, -1, 0, 2, -2}, {-1, 1, 0, -1, 1}) == std::vector<float>{1, 1, 0, 2, -2});
  CHECK(one({.normalize = true}, {1, -1, 0, 2, 2}, {-1, 1, 0, -1, 1}) == std::vector<float>{1, 1, 0, 2, 1.5f});
  // A negative weight turns the sign before the election, and counts as it is in the divisor.
  CHECK(one({.weights = {0, 1, -1}}, {2, 1}, {1, 2}) == std::vector<float>{2, -2});
  CHECK(one({.weights = {0, 1, -1}, .normalize = true}, {2, 2}, {1, -1}) == std::vector<float>{2, 3});
}

TEST_CASE("dare_ties: equal stays equal, NaN stays where it is, and a density of 0 leaves A") {
  for (const double density : {0.0, 0.3, 1.0})
    for (const bool normalize : {false, true})
      check_equal_tensors_stay("dare_ties", dare_arguments(3, {.density = density, .normalize = normalize}));
  check_nan_stays_alone("dare_ties", dare_arguments(3, {.normalize = true}));
  CHECK(copied("dare_ties", coefficients("dare_ties", dare_arguments(3, {.density = 0})).values, 3) == 0);
}

TEST_CASE("dare_ties: many checkpoints fit a program") {
  std::vector<std::vector<float>> x = tensors_apart(64, 700, 0.1);
  check(x, {.density = 0.9, .normalize = true, .seed = 5}, 16);
}

TEST_CASE("dare_ties: the same bits on every machine") {
  CHECK(digest(run({.alpha = 0.9, .weights = {0, 0.6, 0.3}, .density = 0.4, .normalize = true, .seed = 8},
                   tensors_apart(3, 1300, 0.1))
                   .out) == 0x5e3ba33d131d54a2);
}

TEST_CASE("dare_ties: parameters have their limits") {
  CHECK(coefficients("dare_ties", dare_arguments(3, {.density = 2})).fault.starts_with("density must lie"));
  CHECK(coefficients("dare_ties", dare_arguments(3, {.weights = {5, 1, -1}, .normalize = true})).fault.empty());
}

}  // namespace ckmerge
