// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/methods/tensor_runs.h"

namespace ckmerge {
namespace {

constexpr double kEps = 1e-8;

Arguments arguments_of(const std::vector<double>& weights, bool normalize = true, bool base = false,
                       double eps = kEps) {
  return with_weights(weights, {normalize ? 1.0 : 0.0, base ? 1.0 : 0.0, eps});
}

// mergekit's steps over whole vectors, its walk along the sum of tangents included.
Vector definition(std::vector<Vector> x, std::vector<double> weights, bool normalize, bool base) {
  const Vector origin = x[0];
  if (base) {
    x.erase(x.begin());
    weights.erase(weights.begin());
    for (Vector& one : x) one = difference(one, origin);
  }
  double sum = 0, average = 0;
  for (const double weight : weights) sum += weight;
  std::vector<Vector> units;
  for (size_t k = 0; k < x.size(); ++k) {
    if (normalize) weights[k] /= sum;
    units.push_back(sum_of({1 / (length(x[k]) + kEps)}, {x[k]}));
    average += weights[k] * length(x[k]);
  }
  Vector mean = sum_of(weights, units);
  if (length(mean) < kEps) return base ? sum_of({1, 1}, {origin, sum_of(weights, x)}) : sum_of(weights, x);
  mean = sum_of({1 / length(mean)}, {mean});
  std::vector<Vector> tangents;
  for (const Vector& unit : units) tangents.push_back(sum_of({1, -dot(unit, mean)}, {unit, mean}));
  const Vector tangent = sum_of(weights, tangents);
  const double tau = length(tangent) + kEps;
  const Vector out = sum_of({average * std::cos(tau), average * std::sin(tau) / tau}, {mean, tangent});
  return base ? sum_of({1, 1}, {origin, out}) : out;
}

TensorDefinition definition_of(const std::vector<double>& weights, bool normalize = true, bool base = false) {
  return [=](const std::vector<Vector>& x) { return definition(x, weights, normalize, base); };
}

std::vector<float> merge(const std::vector<double>& weights, const std::vector<std::vector<float>>& x,
                         bool base = false) {
  return merged_by_tensor("multislerp", arguments_of(weights, true, base), x).out;
}

}  // namespace

TEST_CASE("multislerp: the average direction, as long as the tensors are on average") {
  const std::vector<std::vector<double>> all = {
      {1, 1}, {0.3, 0.7}, {1, 2, 3}, {0.5, -0.2, 0.9}, {1, 1, 1, 1, 1, 1, 1, 1}};
  for (const std::vector<double>& weights : all) {
    check_tensors("multislerp", arguments_of(weights), definition_of(weights), 5);
    check_tensors("multislerp", arguments_of(weights, false), definition_of(weights, false), 10);
  }
}

TEST_CASE("multislerp: with a base it is of the differences from it, added to it") {
  for (const std::vector<double>& weights : {std::vector<double>{9, 1, 1}, {0, 0.3, 0.7}, {1, 1, 2, 3}})
    check_tensors("multislerp", arguments_of(weights, true, true), definition_of(weights, true, true), 5);
}

TEST_CASE("multislerp: equal stays equal, NaN stays where it is, one checkpoint is itself whatever its weight") {
  check_equal_tensors_stay("multislerp", arguments_of({1, 2, 3}));
  check_equal_tensors_stay("multislerp", arguments_of({1, 2, 3}, true, true));
  check_nan_stays_alone("multislerp", arguments_of({1, 2, 3}));
  check_nan_stays_alone("multislerp", arguments_of({1, 2, 3}, true, true));
  CHECK(copied("multislerp", coefficients("multislerp", arguments_of({0.3}, false)).values, 1) == 0);
  CHECK(copied("multislerp", coefficients("multislerp", arguments_of({0.3, 5}, false, true)).values, 2) == 1);
}

TEST_CASE("multislerp: directions that cancel, exactly and nearly, give the weighted sum") {
  CHECK(merge({1, 1}, {{1, 0}, {-1, 0}}) == std::vector<float>{0, 0});
  CHECK(merge({1, 1}, {{3, 0}, {-1, 0}}) == std::vector<float>{1, 0});
  CHECK(merge({1, 1, 2}, {{3, 0}, {1, 0}, {-5, 0}}) == std::vector<float>{-1.5f, 0});  // mergekit: an error
  const std::vector<float> a = weights(1);
  std::vector<float> b = a;
  for (float& value : b) value *= -0.37f;
  const std::vector<float> got = merge({1, 1}, {a, b});
  for (size_t i = 0; i < a.size(); ++i) CHECK(got[i] == doctest::Approx(0.5 * (double{a[i]} + b[i])).epsilon(1e-5));
}

TEST_CASE("multislerp: tensors of zeros have no direction") {
  CHECK(merge({1, 1}, {{0, 0}, {3, 4}})[0] == doctest::Approx(1.5));
  CHECK(merge({1, 1}, {{0, 0}, {0, 0}}) == std::vector<float>{0, 0});
  CHECK(merge({1, 1, 1}, {{1, 2}, {1, 2}, {1, 2}}, true) == std::vector<float>{1, 2});
}

TEST_CASE("multislerp: the same bits on every machine") {
  CHECK(digest(merge({1, 2, 3}, tensors_apart(3, 1300, 1))) == 0x257427c01c1f97ed);
  CHECK(digest(merge({1, 2, 3}, tensors_apart(3, 1300, 0.01), true)) == 0xdbd01d9afcebbb30);
}

TEST_CASE("multislerp: what it refuses") {
  CHECK(coefficients("multislerp", arguments_of({1, -1})).fault.find("sum to 0") != std::string::npos);
  CHECK(coefficients("multislerp", arguments_of({1, -1}, false)).fault.empty());
  CHECK(coefficients("multislerp", arguments_of({5, 1, -1}, true, true)).fault.find("sum to 0") != std::string::npos);
  CHECK(coefficients("multislerp", arguments_of({1}, true, true)).fault.starts_with("a base by itself"));
  CHECK(coefficients("multislerp", arguments_of({1, 1}, true, false, -1)).fault.starts_with("eps must"));
  CHECK(coefficients("multislerp", arguments_of({1e308, 1e308})).fault.find("too large") != std::string::npos);
}

}  // namespace ckmerge
