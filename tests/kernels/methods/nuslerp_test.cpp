// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/tensor_runs.h"

namespace ckmerge {
namespace {

// The angle of two vectors without loss where they are close: by the length of the difference of the units and their
// sum.
double angle_between(const Vector& x, const Vector& y) {
  const Vector u = sum_of({1 / length(x)}, {x}), v = sum_of({1 / length(y)}, {y});
  return 2 * std::atan2(length(difference(u, v)), length(sum_of({1, 1}, {u, v})));
}

Vector arc(double t, const Vector& a, const Vector& b) {
  if (length(difference(a, b)) == 0) return a;
  const double theta = length(a) == 0 || length(b) == 0 ? std::acos(0.0) : angle_between(a, b);
  if (std::sin(theta) < 1e-6) return sum_of({1 - t, t}, {a, b});
  return sum_of({std::sin((1 - t) * theta) / std::sin(theta), std::sin(t * theta) / std::sin(theta)}, {a, b});
}

TensorDefinition definition_of(std::vector<double> weights) {
  return [=](const std::vector<Vector>& x) {
    const size_t first = x.size() - 2;
    const double t = weights[first + 1] / (weights[first] + weights[first + 1]);
    if (first == 0) return arc(t, x[0], x[1]);
    return sum_of({1, 1}, {x[0], arc(t, difference(x[1], x[0]), difference(x[2], x[0]))});
  };
}

TensorRun run(const std::vector<double>& weights, const std::vector<std::vector<float>>& x) {
  return merged_by_tensor("nuslerp", with_weights(weights, {1}), x);
}

std::vector<float> times(float k, std::vector<float> values) {
  for (float& value : values) value *= k;
  return values;
}

}  // namespace

TEST_CASE("nuslerp: the arc between two tensors, of three between the differences from the first") {
  for (const std::vector<double>& weights : {std::vector<double>{0.7, 0.3}, {1, 1}, {3, -1}})
    check_tensors("nuslerp", with_weights(weights, {1}), definition_of(weights), 6);
  for (const std::vector<double>& weights : {std::vector<double>{9, 0.7, 0.3}, {0, 1, 1}, {1, 3, -1}})
    check_tensors("nuslerp", with_weights(weights, {1}), definition_of(weights), 6);
}

TEST_CASE("nuslerp: equal stays equal, NaN stays where it is, and the ends are copies") {
  check_equal_tensors_stay("nuslerp", with_weights({0.7, 0.3}, {1}));
  check_equal_tensors_stay("nuslerp", with_weights({1, 0.7, 0.3}, {1}));
  check_nan_stays_alone("nuslerp", with_weights({0.7, 0.3}, {1}));
  check_nan_stays_alone("nuslerp", with_weights({1, 0.7, 0.3}, {1}));
  CHECK(copied("nuslerp", coefficients("nuslerp", with_weights({1, 0}, {1})).values, 2) == 0);
  CHECK(copied("nuslerp", coefficients("nuslerp", with_weights({0, 2}, {1})).values, 2) == 1);
  CHECK(copied("nuslerp", coefficients("nuslerp", with_weights({5, 0, 2}, {1})).values, 3) == 2);
  CHECK(copied("nuslerp", coefficients("nuslerp", with_weights({5, 2, 0}, {1})).values, 3) == 1);
}

TEST_CASE("nuslerp: opposite tensors give the straight line, whatever their lengths") {
  const std::vector<float> a = weights(1), longer = weights(7, 70'001);
  for (const auto& [x, k] : {std::pair{a, -1.0f}, {a, -0.37f}, {longer, -1.7f}, {longer, -1e-3f}})
    CHECK(run({0.7, 0.3}, {x, times(k, x)}).coefficients == std::vector<double>{1 - 0.3, 0.3, 0});
  CHECK(run({1, 1}, {{1, 0}, {-1, 1e-5f}}).coefficients[0] > 1e4);  // a sine of 1e-5 is an angle
}

TEST_CASE("nuslerp: a tensor of zeros is at a right angle to everything, a short one nearly") {
  const std::vector<double> half = {std::sqrt(0.5), std::sqrt(0.5)};
  const auto near_half = [&](const TensorRun& got) {
    return std::fabs(got.coefficients[0] - half[0]) < 1e-8 && std::fabs(got.coefficients[1] - half[1]) < 1e-8;
  };
  CHECK(near_half(run({1, 1}, {{0, 0}, {3, 4}})));
  CHECK(near_half(run({1, 1}, {{3, 4}, {0, 0}})));
  CHECK(near_half(run({1, 1}, {{3, 4}, {3e-16f, 4e-16f}})));
  CHECK_FALSE(near_half(run({1, 1}, {{3, 4}, {3e-7f, 3e-7f}})));
}

TEST_CASE("nuslerp: weights that sum to nothing are halves, as in mergekit, and those that nearly do are refused") {
  CHECK(coefficients("nuslerp", with_weights({1, -1}, {1})).values == std::vector<double>{0.5, 0.5, 0});
  CHECK(coefficients("nuslerp", with_weights({0, 0}, {1})).values == std::vector<double>{0.5, 0.5, 0});
  CHECK(coefficients("nuslerp", with_weights({7, 1, -1}, {1})).values == std::vector<double>{0, 0.5, 0.5, 0});
  CHECK(coefficients("nuslerp", with_weights({1e6, -1e6 + 1}, {1})).fault.starts_with("the weights nearly cancel"));
  CHECK(coefficients("nuslerp", with_weights({1e308, 1e308}, {1})).fault.find("too large") != std::string::npos);
}

TEST_CASE("nuslerp: the same bits on every machine") {
  CHECK(digest(run({0.7, 0.3}, tensors_apart(2, 1300, 1)).out) == 0x0139cb90520d5b4a);
  CHECK(digest(run({1, 0.7, 0.3}, tensors_apart(3, 1300, 0.01)).out) == 0x7bad6c6b7401c2dd);
}

}  // namespace ckmerge
