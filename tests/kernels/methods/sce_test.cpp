// SPDX-License-Identifier: Apache-2.0
// sce against its definition in f64 over whole tensors, which sorts variances.
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/sparse_deltas.h"
#include "tests/kernels/methods/tensor_runs.h"

namespace ckmerge {
namespace {

// In f32 as the method has it, so that the same elements are chosen.
std::vector<float> variances(const std::vector<Vector>& x) {
  const auto n = static_cast<float>(x.size() - 1), share = 1 / n;
  std::vector<float> all;
  for (size_t i = 0; i < x[0].size(); ++i) {
    std::vector<float> beyond;
    for (size_t k = 1; k < x.size(); ++k) beyond.push_back(static_cast<float>(x[k][i]) - static_cast<float>(x[0][i]));
    const float first = beyond[0];
    float mean = 0, sum = 0;
    for (float& value : beyond) mean += value -= first;
    mean *= share;
    for (const float value : beyond) sum += (value - mean) * (value - mean);
    all.push_back(sum * share);
  }
  return all;
}

Vector definition(const std::vector<Vector>& x, double share) {
  const size_t count = x[0].size(), models = x.size() - 1;
  if (share <= 0) return x[0];
  std::vector<Vector> deltas;
  for (size_t k = 1; k < x.size(); ++k) deltas.push_back(difference(x[k], x[0]));
  if (models == 1) return share < 1 ? x[0] : x[1];
  if (share < 1) {
    const std::vector<float> variance = variances(x);
    const auto nonzero = static_cast<double>(std::ranges::count_if(variance, [](float v) { return v != 0; }));
    const std::vector<bool> stays = among_largest(variance, 0, static_cast<size_t>(nonzero * share));
    for (Vector& delta : deltas)
      for (size_t i = 0; i < count; ++i) delta[i] = stays[i] ? delta[i] : 0;
  }
  Vector weights;
  double all = 0;
  for (const Vector& delta : deltas) all += weights.emplace_back(dot(delta, delta) / static_cast<double>(count));
  for (double& weight : weights) weight = all < 1e-6 ? 1 / static_cast<double>(models) : weight / all;
  Vector out = x[0];
  for (size_t i = 0; i < count; ++i) {
    double sum = 0, terms = 0, counted = 0;
    for (const Vector& delta : deltas) sum += delta[i];
    for (size_t k = 0; k < models; ++k) {
      if (!(sum >= 0 ? deltas[k][i] > 0 : deltas[k][i] < 0)) continue;
      terms += weights[k] * deltas[k][i];
      counted += weights[k];
    }
    out[i] += terms / std::max(counted, 1e-6);
  }
  return out;
}

TensorRun run(const std::vector<std::vector<float>>& x, double share) {
  return merged_by_tensor("sce", with_number(x.size(), share), x);
}

// Differences of which no sum is so near 0 that roundings elect: signs of a third against both others would be.
std::vector<std::vector<float>> tensors(size_t inputs, size_t count, float scale) {
  std::vector<std::vector<float>> x = near_checkpoints(inputs, count);
  for (size_t k = 1; k < inputs; ++k)
    for (size_t i = 0; i < count; ++i) {
      const float delta = scale * (x[k][i] - x[0][i]);
      x[k][i] = x[0][i] + (i % 3 == k % 3 ? 4 : 1) * delta;
    }
  return x;
}

}  // namespace

TEST_CASE("sce: the elements of the largest variance, by their average squares, of one sign in each element") {
  for (const size_t inputs : {3u, 4u, 6u})
    for (const size_t count : {0u, 1u, 5u, 1300u, kLongTensor})
      for (const float scale : {1.0f, 0.001f})
        for (const double share : {1.0, 0.999, 0.4, 0.1, 1e-9})
          check_tensors(
              "sce", with_number(inputs, share), [=](const std::vector<Vector>& x) { return definition(x, share); }, 8,
              tensors(inputs, count, scale));
}

TEST_CASE("sce: a share is of the elements that have a variance; of equal variances the lowest indices stay") {
  const std::vector<std::vector<float>> x = {{0, 0, 0, 0, 0, 0}, {1, 2, 5, 1, 0, 1}, {-1, 2, 5, -1, 0, -1}};
  const TensorRun got = run(x, 0.7);  // two of three
  CHECK(got.statistics == std::vector<double>{1, 4, 2, 2});
  CHECK(got.out == std::vector<float>{1, 0, 0, 1, 0, 0});
  CHECK(run(x, 1).out == std::vector<float>{1, 2, 5, 1, 0, 1});
  CHECK(run(x, 0.3).out == std::vector<float>{0, 0, 0, 0, 0, 0});  // less than one
  CHECK(run({{1, 2}, {3, 4}, {3, 4}}, 0.5).out == std::vector<float>{1, 2});
}

TEST_CASE("sce: weights are average squares of what is kept, or equal where these are next to nothing") {
  const TensorRun got = run({{0, 0}, {3, 1}, {1, -1}}, 1);
  CHECK(got.coefficients[1] == 5.0 / 6);
  CHECK(got.coefficients[2] == 1.0 / 6);
  CHECK(got.out[0] == doctest::Approx((15.0 + 1) / 6));
  CHECK(got.out[1] == 1);  // a sum of 0 counts as plus
  const TensorRun small = run({{0, 0}, {1e-4f, 0}, {2e-4f, 0}}, 1);
  CHECK(small.coefficients[1] == 0.5);
  CHECK(small.out[0] == doctest::Approx(1.5e-4));
}

TEST_CASE(
    "sce: one checkpoint beside A is added whole or not at all, a share of 0 is A; neither has to be read for that") {
  const auto x = near_checkpoints(2, 1300);
  const TensorRun one = run(x, 1);
  CHECK(one.statistics.empty());
  for (size_t i = 0; i < x[0].size(); ++i) CHECK(one.out[i] == x[0][i] + (x[1][i] - x[0][i]));
  CHECK(copied("sce", coefficients("sce", with_number(2, 0.9)).values, 2) == 0u);
  const Coefficients none = coefficients("sce", with_number(3, 0));
  CHECK(copied("sce", none.values, 3) == 0u);
  CHECK(find_method("sce")->needs_statistics(none.values) == false);
}

TEST_CASE("sce: where mergekit chooses, one order of the tensor is wanted, and its share is counted in f32") {
  const auto wanted = [](size_t inputs, double share) {
    Arguments arguments = with_number(inputs, share);
    arguments.values[1].number = 1;
    return find_method("sce")->made(inputs, coefficients("sce", arguments).values);
  };
  const std::vector<MadeOperand> one = wanted(4, 0.7);
  REQUIRE(one.size() == 1);
  CHECK(one[0].is(MadeOperand::Kind::torch_variances, 1));
  CHECK(one[0].stays.kept(one[0].stays.shares, 10) == 7);
  CHECK(one[0].stays.kept(one[0].stays.shares, 0) == 0);
  CHECK(wanted(3, 0.29)[0].stays.kept({0.29}, 100) == 29);  // and 28 in f64
  CHECK(wanted(2, 0.5).empty());
  CHECK(wanted(3, 0).empty());
  CHECK(wanted(3, 1).empty());
  CHECK(find_method("sce")->made(3, coefficients("sce", with_number(3, 0.5)).values).empty());
}

TEST_CASE("sce: equal stays equal, NaN stays where it is; shares have their limits") {
  for (const double share : {1.0, 0.3}) {
    check_equal_tensors_stay("sce", with_number(3, share));
    check_nan_stays_alone("sce", with_number(4, share));
  }
  CHECK(coefficients("sce", with_number(3, -0.1)).fault.starts_with("select_topk"));
  CHECK(coefficients("sce", with_number(3, 1.1)).fault.starts_with("select_topk"));
}

}  // namespace ckmerge
