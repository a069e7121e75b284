// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/methods/tensor_runs.h"

namespace ckmerge {
namespace {

Vector definition(const std::vector<Vector>& x) {
  if (length(x[0]) == 0) return Vector(x[0].size());
  return sum_of({1, -dot(x[0], x[1]) / dot(x[0], x[0])}, {x[1], x[0]});
}

std::vector<float> run(const std::vector<std::vector<float>>& x) {
  return merged_by_tensor("perpendicular_component", with_values(2, {}), x).out;
}

}  // namespace

TEST_CASE("perpendicular_component: what of B is at a right angle to A") {
  check_tensors("perpendicular_component", with_values(2, {}), definition, 4);
  CHECK(run({{3, 0}, {4, 5}}) == std::vector<float>{0, 5});
  CHECK(run({{1, 2}, {1, 2}}) == std::vector<float>{0, 0});
}

TEST_CASE("perpendicular_component: nothing beside A of zeros, and no value where NaN is") {
  CHECK(run({{0, 0}, {4, 5}}) == std::vector<float>{0, 0});
  const std::vector<float> got = run({{1, NAN, 1}, {1, 2, 3}});
  CHECK(got[0] == 0);
  CHECK(std::isnan(got[1]));
}

TEST_CASE("perpendicular_component: the same bits on every machine") {
  CHECK(digest(run(tensors_apart(2, 1300, 1))) == 0xfe7fdbaa3a12a4d0);
}

}  // namespace ckmerge
