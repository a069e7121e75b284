// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/methods/tensor_runs.h"

namespace ckmerge {
namespace {

TensorDefinition definition_of(double alpha) {
  return [=](const std::vector<Vector>& x) {
    const Vector a = difference(x[0], x[2]), b = difference(x[1], x[2]);
    if (length(a) == 0) return x[0];
    return sum_of({1, alpha, -alpha * dot(a, b) / dot(a, a)}, {x[0], b, a});
  };
}

TensorRun run(double alpha, const std::vector<std::vector<float>>& x) {
  return merged_by_tensor("add_perpendicular", with_number(3, alpha), x);
}

}  // namespace

TEST_CASE("add_perpendicular: what B adds at a right angle to what A adds") {
  for (const double alpha : {1.0, 0.3, -2.0})
    check_tensors("add_perpendicular", with_number(3, alpha), definition_of(alpha), 8);
  CHECK(run(1, {{1, 0}, {2, 3}, {0, 0}}).out == std::vector<float>{1, 3});
}

TEST_CASE("add_perpendicular: equal stays equal, NaN stays where it is, alpha 0 copies A") {
  check_equal_tensors_stay("add_perpendicular", with_number(3, 0.7));
  check_nan_stays_alone("add_perpendicular", with_number(3, 0.7));
  CHECK(copied("add_perpendicular", coefficients("add_perpendicular", with_number(3, 0)).values, 3) == 0);
}

TEST_CASE("add_perpendicular: nothing is added where A is C, as in sd-mecha") {
  CHECK(run(1, {{1, 2}, {5, 7}, {1, 2}}).out == std::vector<float>{1, 2});
}

TEST_CASE("add_perpendicular: the same bits on every machine") {
  CHECK(digest(run(0.7, tensors_apart(3, 1300, 0.1)).out) == 0x36ac5ae2c0b2aa0b);
}

}  // namespace ckmerge
