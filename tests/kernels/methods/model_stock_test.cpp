// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/tensor_runs.h"

namespace ckmerge {
namespace {

Arguments arguments_of(size_t inputs) { return with_values(inputs, {}); }

Vector definition(const std::vector<Vector>& x) {
  std::vector<Vector> deltas;
  for (size_t k = 1; k < x.size(); ++k) deltas.push_back(difference(x[k], x[0]));
  double sum = 0, pairs = 0;
  for (size_t i = 0; i < deltas.size(); ++i)
    for (size_t j = i + 1; j < deltas.size(); ++j, ++pairs)
      sum += std::clamp(dot(deltas[i], deltas[j]) / std::max(length(deltas[i]) * length(deltas[j]), 1e-6), -1.0, 1.0);
  const auto n = static_cast<double>(deltas.size());
  const double c = sum / pairs, t = std::fabs(1 + (n - 1) * c) < 1e-6 ? 0 : n * c / (1 + (n - 1) * c);
  return sum_of({1, t / n}, {x[0], sum_of(std::vector(deltas.size(), 1.0), deltas)});
}

TensorRun run(const std::vector<std::vector<float>>& x) {
  return merged_by_tensor("model_stock", arguments_of(x.size()), x);
}

}  // namespace

TEST_CASE("model_stock: from the base to the average, as far as all pairs of differences agree") {
  for (const size_t inputs : {3u, 4u, 7u}) check_tensors("model_stock", arguments_of(inputs), definition, 6);
}

TEST_CASE("model_stock: equal stays equal, NaN stays where it is") {
  check_equal_tensors_stay("model_stock", arguments_of(3));
  check_equal_tensors_stay("model_stock", arguments_of(5));
  check_nan_stays_alone("model_stock", arguments_of(4));
}

TEST_CASE("model_stock: small differences are pulled to the base, as in mergekit") {
  for (const auto& [size, t] : {std::pair{5e-4f, 0.4}, {1e-4f, 0.02}, {1e-2f, 1.0}}) {
    const TensorRun got = run({{0, 0}, {size, 0}, {size, 0}});
    CHECK(got.coefficients[0] * 2 == doctest::Approx(t).epsilon(0.01));
  }
}

TEST_CASE("model_stock: the pole, right angles and no difference at all leave the base") {
  CHECK(run({{1, 1}, {2, 1}, {0, 1}}).out == std::vector<float>{1, 1});  // opposite differences
  CHECK(run({{1, 1}, {2, 1}, {1, 2}}).out == std::vector<float>{1, 1});
  CHECK(run({{1, 1}, {1, 1}, {5, 1}}).out == std::vector<float>{1, 1});
}

TEST_CASE("model_stock: sd-mecha's name is known, and the order of the others does not matter") {
  CHECK(find_method("n_model_stock") == find_method("model_stock"));
  const auto x = tensors_apart(4, 1300, 0.1);
  CHECK(run({x[0], x[1], x[2], x[3]}).coefficients[0] ==
        doctest::Approx(run({x[0], x[3], x[1], x[2]}).coefficients[0]).epsilon(1e-14));
}

TEST_CASE("model_stock: the same bits on every machine") {
  CHECK(digest(run(tensors_apart(4, 1300, 0.1)).out) == 0x07459ac7b7a4734f);
}

}  // namespace ckmerge
