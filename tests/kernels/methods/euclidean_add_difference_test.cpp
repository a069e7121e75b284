// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/methods/tensor_runs.h"

namespace ckmerge {
namespace {

TensorDefinition definition_of(double alpha) {
  return [=](const std::vector<Vector>& x) {
    const Vector a = difference(x[0], x[2]), b = difference(x[1], x[2]), u = sum_of({1 - alpha, alpha}, {a, b});
    const double na = length(a), nb = length(b);
    Vector d(a.size());
    for (size_t i = 0; i < d.size(); ++i) {
      const double left = na > 0 ? a[i] / na : 0, right = nb > 0 ? b[i] / nb : 0;
      d[i] = std::copysign(std::sqrt((1 - alpha) * left * left + alpha * right * right), u[i]);
    }
    return length(d) == 0 ? x[2] : sum_of({1, length(u) / length(d)}, {x[2], d});
  };
}

std::vector<float> run(double alpha, const std::vector<std::vector<float>>& x) {
  return merged_by_tensor("euclidean_add_difference", with_number(3, alpha), x).out;
}

}  // namespace

TEST_CASE("euclidean_add_difference: both differences as sides of a triangle, as long as their weighted sum") {
  for (const double alpha : {0.5, 0.3, 0.9})
    for (const size_t count : {0u, 7u, 1300u, kLongTensor})
      for (const double apart : {1.0, 0.02})
        check_tensors("euclidean_add_difference", with_number(3, alpha), definition_of(alpha), 6,
                      tensors_apart(3, count, apart));
}

TEST_CASE("euclidean_add_difference: the ends are A and B") {
  for (const double alpha : {0.0, 1.0})
    CHECK(copied("euclidean_add_difference", coefficients("euclidean_add_difference", with_number(3, alpha)).values,
                 3) == size_t(alpha));
}

TEST_CASE("euclidean_add_difference: a difference that is zero all over") {
  CHECK(run(0.5, {{1, 2}, {1, 2}, {1, 2}}) == std::vector<float>{1, 2});
  CHECK(run(0.25, {{1, 2}, {4, 6}, {1, 2}}) == std::vector<float>{1.75f, 3});  // a quarter of (3, 4)
  CHECK(run(0.25, {{4, 6}, {1, 2}, {1, 2}}) == std::vector<float>{3.25f, 5});
  CHECK(run(0.5, {{1, 2}, {-1, -2}, {0, 0}}) == std::vector<float>{0, 0});  // opposite: u is zero
}

TEST_CASE("euclidean_add_difference: equal stays equal, NaN stays where it is, alpha stays within") {
  check_equal_tensors_stay("euclidean_add_difference", with_number(3, 0.3));
  check_nan_stays_alone("euclidean_add_difference", with_number(3, 0.3));
  for (const double alpha : {-0.1, 1.1})
    CHECK(coefficients("euclidean_add_difference", with_number(3, alpha)).fault.starts_with("alpha must lie"));
}

TEST_CASE("euclidean_add_difference: tiny and huge elements, of which F32 has no squares") {
  const std::vector<std::vector<float>> usual = tensors_apart(3, 1300, 0.1);
  const auto times = [](std::vector<float> values, float factor) {
    for (float& value : values) value *= factor;
    return values;
  };
  for (const float factor : {0x1p-90f, 0x1p100f}) {
    std::vector<std::vector<float>> scaled;
    for (const std::vector<float>& x : usual) scaled.push_back(times(x, factor));
    CHECK(run(0.3, scaled) == times(run(0.3, usual), factor));
  }
}

TEST_CASE("euclidean_add_difference: the same bits on every machine") {
  CHECK(digest(run(0.3, tensors_apart(3, 1300, 0.1))) == 0x1775503a587e2700);
}

}  // namespace ckmerge
