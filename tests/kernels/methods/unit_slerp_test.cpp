// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/methods/tensor_runs.h"

namespace ckmerge {
namespace {

// sd-mecha's steps over whole vectors, with the angle from the units' distance and sum.
Vector definition(double t, const Vector& a, const Vector& b) {
  if (length(a) == 0 || length(b) == 0) return sum_of({1 - t, t}, {a, b});
  const Vector u = sum_of({1 / length(a)}, {a}), v = sum_of({1 / length(b)}, {b});
  const double omega = 2 * std::atan2(length(difference(u, v)), length(sum_of({1, 1}, {u, v})));
  if (std::sin(omega) < 1e-6) return sum_of({1 - t, t}, {a, b});
  const double size = ((1 - t) * length(a) + t * length(b)) / std::sin(omega);
  return sum_of({size * std::sin((1 - t) * omega), size * std::sin(t * omega)}, {u, v});
}

TensorDefinition definition_of(double t) {
  return [=](const std::vector<Vector>& x) { return definition(t, x[0], x[1]); };
}

TensorRun run(double t, const std::vector<float>& a, const std::vector<float>& b) {
  return merged_by_tensor("unit_slerp", with_number(2, t), {a, b});
}

std::vector<float> times(float k, std::vector<float> values) {
  for (float& value : values) value *= k;
  return values;
}

}  // namespace

TEST_CASE("unit_slerp: directions are turned, however close, and lengths lie on the straight line") {
  for (const double t : {0.3, 0.5, -1.0, 2.0}) check_tensors("unit_slerp", with_number(2, t), definition_of(t), 6);
  const std::vector<float> a = weights(1), b = times(30, weights(2));
  check_tensors("unit_slerp", with_number(2, 0.3), definition_of(0.3), 5, {a, b});
  const std::vector<float> half = run(0.5, {3, 0}, {0, 4}).out;
  CHECK(half[0] == doctest::Approx(3.5 * std::sqrt(0.5)));
  CHECK(half[1] == doctest::Approx(3.5 * std::sqrt(0.5)));
}

TEST_CASE("unit_slerp: equal stays equal, NaN stays where it is, ends are copies") {
  check_equal_tensors_stay("unit_slerp", with_number(2, 0.3));
  check_nan_stays_alone("unit_slerp", with_number(2, 0.3));
  for (const double t : {0.0, 1.0})
    CHECK(copied("unit_slerp", coefficients("unit_slerp", with_number(2, t)).values, 2) == size_t(t));
}

TEST_CASE("unit_slerp: zeros and opposites give the straight line; t has its limits") {
  CHECK(run(0.5, {0, 0}, {3, 4}).coefficients == std::vector{0.5, 0.5});
  CHECK(run(0.3, weights(1), times(-0.37f, weights(1))).coefficients == std::vector{1 - 0.3, 0.3});
  CHECK(run(0.3, weights(1), times(-1, weights(1))).coefficients == std::vector{1 - 0.3, 0.3});
  CHECK_FALSE(coefficients("unit_slerp", with_number(2, 1e6)).fault.empty());
}

TEST_CASE("unit_slerp: the same bits on every machine") {
  CHECK(digest(run(0.3, weights(1), weights(2)).out) == 0x1665918f8c633c5e);
}

}  // namespace ckmerge
