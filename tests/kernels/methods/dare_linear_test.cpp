// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/methods/dare_runs.h"

namespace ckmerge {
namespace {

TensorDefinition definition_of(const DareNumbers& of) {
  return [=](const std::vector<Vector>& x) {
    std::vector<Vector> all = dare_deltas("dare_linear", x, of);
    double divisor = 0;
    for (size_t k = 1; k < x.size(); ++k) divisor += of.weights.empty() ? 1 : of.weights[k];
    std::vector<double> factors(all.size(), of.normalize ? of.alpha / divisor : of.alpha);
    all.push_back(x[0]);
    factors.push_back(1);
    return sum_of(factors, all);
  };
}

void check(size_t inputs, const DareNumbers& of, double bound = 6) {
  check_tensors("dare_linear", dare_arguments(inputs, of), definition_of(of), bound);
}

TensorRun run(const DareNumbers& of, const std::vector<std::vector<float>>& x) {
  return merged_by_tensor("dare_linear", dare_arguments(x.size(), of), x);
}

}  // namespace

TEST_CASE("dare_linear: kept differences, whose magnitudes add up to what they did, weighted and added up") {
  check(2, {.density = 0.3, .seed = 5});
  check(3, {.alpha = 0.7, .weights = {0, 0.6, 0.3}, .density = 0.5, .seed = 6}, 10);
  check(4, {.weights = {5, 1, -0.5, 0.25}, .densities = {0, 0.3, 1, 0.8}, .normalize = true, .seed = 1}, 10);
  check(3, {.density = 0.5, .rescale = false, .seed = 9});
  check(3, {.weights = {1, 2, 3}, .normalize = true});
}

TEST_CASE("dare_linear: masks are those of any other tensor program's random numbers, one for each checkpoint") {
  const auto x = tensors_apart(3, 4000, 0.1);
  const std::vector<float> none(4000, 0.0f), ones(4000, 1.0f);
  const std::vector<float> got = run({.density = 0.25, .rescale = false, .seed = 3}, {none, ones, none}).out;
  const std::vector<bool> mask = dare_mask("dare_linear", 0.25, 3, 1, 4000),
                          other = dare_mask("dare_linear", 0.25, 3, 2, 4000);
  size_t wrong = 0, kept = 0, both = 0;
  for (size_t i = 0; i < 4000; ++i) {
    wrong += got[i] != (mask[i] ? 1.0f : 0.0f);
    kept += mask[i];
    both += mask[i] && other[i];
  }
  CHECK(wrong == 0);
  CHECK(kept > 900);
  CHECK(kept < 1100);
  CHECK(both < 350);  // 250 of two that know nothing of each other
}

TEST_CASE("dare_linear: with a density of 1 it is task_arithmetic and needs no statistics, with 0 it is A") {
  const auto x = tensors_apart(3, 1300, 0.1);
  const TensorRun all = run({.alpha = 0.7, .weights = {0, 0.6, 0.3}}, x);
  CHECK(all.statistics.empty());
  Arguments arguments = with_values(3, {0.7, 0, 0});
  const std::vector<double> weights = {0, 0.6, 0.3};
  arguments.values[1].numbers = weights;
  CHECK(all.out == merged("task_arithmetic", coefficients("task_arithmetic", arguments).values, x));
  CHECK(copied("dare_linear", coefficients("dare_linear", dare_arguments(3, {.density = 0})).values, 3) == 0);
  CHECK(copied("dare_linear", coefficients("dare_linear", dare_arguments(3, {.alpha = 0})).values, 3) == 0);
}

TEST_CASE("dare_linear: equal stays equal; NaN of what is dropped does not count") {
  for (const double density : {0.0, 0.3, 1.0})
    check_equal_tensors_stay("dare_linear", dare_arguments(3, {.density = density, .normalize = true}));
  check_nan_stays_alone("dare_linear", dare_arguments(3, {}));
  auto x = tensors_apart(2, 1300, 0.1);
  const std::vector<bool> mask = dare_mask("dare_linear", 0.5, 3, 1, 1300);
  for (size_t i = 0; i < 1300; ++i)
    if (!mask[i]) x[1][i] = NAN;
  const TensorRun got = run({.density = 0.5, .seed = 3}, x);
  CHECK(got.coefficients[1] == 2);  // 1/density: magnitudes have no sum
  size_t lost = 0;
  for (const float value : got.out) lost += !std::isfinite(value);
  CHECK(lost == 0);
}

TEST_CASE("dare_linear: sums below 1e-7 are left as they are") {
  CHECK(run({.density = 0.5}, {{0, 0, 0, 0}, {1e-8f, 1e-8f, 1e-8f, 1e-8f}}).coefficients[1] == 1);
  CHECK(run({.density = 1e-9}, tensors_apart(2, 100, 1)).coefficients[1] == 1);  // nothing is kept
}

TEST_CASE("dare_linear: the same bits on every machine") {
  CHECK(digest(run({.alpha = 0.9, .weights = {0, 0.6, 0.3}, .density = 0.4, .normalize = true, .seed = 8},
                   tensors_apart(3, 1300, 0.1))
                   .out) == 0xb3997ba779a27887);
}

TEST_CASE("dare_linear: parameters have their limits") {
  const auto fault = [](const DareNumbers& of) { return coefficients("dare_linear", dare_arguments(3, of)).fault; };
  for (const double density : {-0.1, 1.1}) CHECK(fault({.density = density}).starts_with("density must lie"));
  CHECK(fault({.densities = {1, 1.5, 1}}).starts_with("densities must lie"));
  for (const double seed : {-1.0, 0.5, 0x1p53}) CHECK(fault({.seed = seed}).starts_with("seed must be"));
  CHECK(fault({.weights = {5, 1, -1}, .normalize = true}).find("sum to 0") != std::string::npos);
  CHECK(fault({.weights = {5, 1, -1}}).empty());
}

}  // namespace ckmerge
