// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/tensor_runs.h"

namespace ckmerge {
namespace {

Arguments arguments_of(size_t inputs, double most = 10, double tol = 1e-5) { return with_values(inputs, {most, tol}); }

// mergekit's steps over whole vectors; of vectors without a direction the average.
Vector definition(const std::vector<Vector>& x, double most, double tol) {
  std::vector<Vector> units;
  double all = 0;
  for (const Vector& one : x) {
    all += length(one) / static_cast<double>(x.size());
    if (length(one) > tol) units.push_back(sum_of({1 / length(one)}, {one}));
  }
  if (units.empty()) return sum_of(std::vector(x.size(), 1 / static_cast<double>(x.size())), x);
  const double each = 1 / static_cast<double>(units.size());
  Vector mean = sum_of(std::vector(units.size(), each), units);
  mean = length(mean) < tol ? units[0] : sum_of({1 / length(mean)}, {mean});
  for (double step = 0; step < most; ++step) {
    Vector tangent(mean.size());
    for (const Vector& unit : units) {
      const double cosine = std::clamp(dot(mean, unit), -1.0, 1.0), angle = std::acos(cosine);
      if (angle < tol) continue;
      const double factor = each * angle / std::sin(angle);
      tangent = sum_of({1, factor, -factor * cosine}, {tangent, unit, mean});
    }
    const double angle = length(tangent);
    if (angle < tol) break;
    mean = sum_of({std::cos(angle), std::sin(angle) / angle}, {mean, tangent});
    mean = sum_of({1 / length(mean)}, {mean});
  }
  return sum_of({all}, {mean});
}

TensorDefinition definition_of(double most = 10, double tol = 1e-5) {
  return [=](const std::vector<Vector>& x) { return definition(x, most, tol); };
}

std::vector<float> karcher(const std::vector<std::vector<float>>& x) {
  return merged_by_tensor("karcher", arguments_of(x.size()), x).out;
}

}  // namespace

TEST_CASE("karcher: the steps over whole vectors, from numbers of pairs alone") {
  for (const size_t inputs : {2u, 3u, 5u, 12u}) check_tensors("karcher", arguments_of(inputs), definition_of(), 4);
  for (const double most : {0.0, 1.0, 100.0})
    check_tensors("karcher", arguments_of(3, most, 0), definition_of(most, 0), 4);
  check_tensors("karcher", arguments_of(3, 10, 0.3), definition_of(10, 0.3), 4);
}

TEST_CASE("karcher: tensors of lengths that are a million apart count alike as directions") {
  auto x = tensors_apart(3, 1300, 1);
  for (float& value : x[1]) value *= 1e6f;
  for (float& value : x[2]) value *= 1e-3f;
  check_tensors("karcher", arguments_of(3), definition_of(), 4, x);
}

TEST_CASE("karcher: equal stays equal, NaN stays where it is, one checkpoint is itself") {
  for (const size_t inputs : {2u, 3u, 7u}) check_equal_tensors_stay("karcher", arguments_of(inputs));
  check_nan_stays_alone("karcher", arguments_of(3));
  CHECK(copied("karcher", coefficients("karcher", arguments_of(1)).values, 1) == 0);
}

TEST_CASE("karcher: a tensor of zeros has no direction, and makes the result shorter") {
  CHECK(karcher({{3, 4}, {0, 0}}) == std::vector<float>{1.5f, 2});
  CHECK(karcher({{0, 0}, {3, 4}, {3, 4}}) == std::vector<float>{2, 8.0f / 3});
  CHECK(karcher({{0, 0}, {0, 0}}) == std::vector<float>{0, 0});
  CHECK(karcher({{2e-6f, 0}, {0, 2e-6f}}) == std::vector<float>{1e-6f, 1e-6f});  // mergekit: zeros
}

TEST_CASE("karcher: opposite tensors, exactly and nearly, give their average instead of noise") {
  const std::vector<float> a = weights(1), b = [&] {
    std::vector<float> out = a;
    for (float& value : out) value *= -0.37f;
    return out;
  }();
  const std::vector<float> got = karcher({a, b});
  for (size_t i = 0; i < a.size(); ++i) CHECK(got[i] == doctest::Approx(0.5 * (double{a[i]} + b[i])).epsilon(1e-5));
  CHECK(karcher({{1, 0}, {-1, 0}}) == std::vector<float>{0, 0});
  CHECK(merged_by_tensor("karcher", arguments_of(2, 10, 0), {{1, 0}, {-1, 0}}).out == std::vector<float>{0, 0});
  CHECK(karcher({{1, 0}, {1, 0}, {-1, 0}})[0] == doctest::Approx(1.0 / 3));
  // Where the sine is large enough there is a centre: at a right angle to both.
  const std::vector<float> beside = karcher({{1, 1e-3f}, {-1, 1e-3f}});
  CHECK(std::fabs(beside[0]) < 1e-6);
  CHECK(beside[1] == doctest::Approx(1));
}

TEST_CASE("karcher: the same bits on every machine") {
  CHECK(digest(karcher(tensors_apart(3, 1300, 1))) == 0x08cc922bdeec76ca);
  CHECK(digest(karcher(tensors_apart(4, 70'001, 0.01))) == 0x80047bb0df9dc2a4);
}

TEST_CASE("karcher: parameters have their limits") {
  for (const double most : {-1.0, 0.5, 100'001.0})
    CHECK(coefficients("karcher", arguments_of(2, most)).fault.starts_with("max_iter must be"));
  CHECK(coefficients("karcher", arguments_of(2, 10, -1e-9)).fault.starts_with("tol must not"));
}

}  // namespace ckmerge
