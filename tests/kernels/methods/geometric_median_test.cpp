// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <utility>

#include "tests/kernels/methods/tensor_runs.h"

namespace ckmerge {
namespace {

Arguments arguments_of(size_t inputs, double eps = 1e-6, double most = 100, double ftol = 1e-20) {
  return with_values(inputs, {eps, most, ftol});
}

double distances_from(const Vector& median, const std::vector<Vector>& x) {
  double sum = 0;
  for (const Vector& one : x) sum += length(difference(one, median));
  return sum;
}

// Weiszfeld's steps over whole vectors.
Vector definition(const std::vector<Vector>& x, double eps, double most, double ftol) {
  std::vector<double> weights(x.size(), 1 / static_cast<double>(x.size()));
  Vector median = sum_of(weights, x);
  double all = distances_from(median, x);
  for (double step = 0; step < most; ++step) {
    double sum = 0;
    for (size_t k = 0; k < x.size(); ++k) sum += weights[k] = 1 / std::max(length(difference(x[k], median)), eps);
    for (double& weight : weights) weight /= sum;
    median = sum_of(weights, x);
    const double before = std::exchange(all, distances_from(median, x));
    if (std::fabs(before - all) <= ftol * all) break;
  }
  return median;
}

TensorDefinition definition_of(double eps = 1e-6, double most = 100, double ftol = 1e-20) {
  return [=](const std::vector<Vector>& x) { return definition(x, eps, most, ftol); };
}

std::vector<float> median(const std::vector<std::vector<float>>& x) {
  return merged_by_tensor("geometric_median", arguments_of(x.size()), x).out;
}

}  // namespace

TEST_CASE("geometric_median: Weiszfeld's steps over whole vectors, from numbers of pairs alone") {
  for (const size_t inputs : {2u, 3u, 6u}) check_tensors("geometric_median", arguments_of(inputs), definition_of(), 4);
  check_tensors("geometric_median", arguments_of(3, 1e-3), definition_of(1e-3), 4);
  for (const double most : {0.0, 1.0, 3.0})
    check_tensors("geometric_median", arguments_of(4, 1e-6, most), definition_of(1e-6, most), 4);
  check_tensors("geometric_median", arguments_of(4, 1e-6, 100, 1e-3), definition_of(1e-6, 100, 1e-3), 4);
}

TEST_CASE("geometric_median: equal stays equal, NaN stays where it is, one checkpoint is itself") {
  for (const size_t inputs : {2u, 5u}) check_equal_tensors_stay("geometric_median", arguments_of(inputs));
  check_nan_stays_alone("geometric_median", arguments_of(4));
  CHECK(copied("geometric_median", coefficients("geometric_median", arguments_of(1)).values, 1) == 0);
}

TEST_CASE("geometric_median: two checkpoints meet in the middle, of three the one between the others") {
  CHECK(median({{1, 0}, {3, 4}}) == std::vector<float>{2, 2});
  const std::vector<float> got = median({{0, 0}, {1, 0}, {10, 0}});
  CHECK(got[0] == doctest::Approx(1).epsilon(1e-5));
}

TEST_CASE("geometric_median: one that went astray moves it no further however far it went") {
  const std::vector<float> near = median({{0, 0}, {1, 0}, {0, 1}, {100, 100}});
  const std::vector<float> far = median({{0, 0}, {1, 0}, {0, 1}, {1e6f, 1e6f}});
  CHECK(std::fabs(near[0] - far[0]) < 0.02);
  CHECK(far[0] < 1);
}

TEST_CASE("geometric_median: the same bits on every machine") {
  CHECK(digest(median(tensors_apart(4, 1300, 0.1))) == 0x92842be984c25c16);
}

TEST_CASE("geometric_median: parameters have their limits") {
  CHECK(coefficients("geometric_median", arguments_of(2, 0)).fault.starts_with("eps must be 1e-100"));
  CHECK(coefficients("geometric_median", arguments_of(2, 1, 0.5)).fault.starts_with("max_iter"));
  CHECK(coefficients("geometric_median", arguments_of(2, 1, 1, -1)).fault.starts_with("ftol"));
}

}  // namespace ckmerge
