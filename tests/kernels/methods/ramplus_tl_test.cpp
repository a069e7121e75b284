// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/kernels/methods/tensor_runs.h"

namespace ckmerge {
namespace {

Arguments arguments_of(size_t inputs, double r = 0.1, double alpha = 0.2, double epsilon = 1e-5) {
  return with_values(inputs, {r, alpha, epsilon});
}

Vector definition(const std::vector<Vector>& x, double r, double alpha, double epsilon) {
  const size_t count = x[0].size();
  std::vector<size_t> changes(count);
  const auto changed = [&](size_t k, size_t i) {
    return std::fabs(static_cast<float>(x[k][i]) - static_cast<float>(x[0][i])) > static_cast<float>(epsilon);
  };
  for (size_t k = 1; k < x.size(); ++k)
    for (size_t i = 0; i < count; ++i) changes[i] += changed(k, i);
  Vector out = x[0];
  for (size_t k = 1; k < x.size(); ++k) {
    double shared = 0, alone = 0;
    for (size_t i = 0; i < count; ++i)
      if (changed(k, i)) (changes[i] > 1 ? shared : alone) += 1;
    const double factor = 1 + r * std::clamp(shared / std::max(alone, epsilon), 0.0, alpha);
    for (size_t i = 0; i < count; ++i)
      if (changed(k, i))
        out[i] += changes[i] > 1 ? (x[k][i] - x[0][i]) / static_cast<double>(changes[i]) : factor * (x[k][i] - x[0][i]);
  }
  return out;
}

// Where a checkpoint changes some elements and leaves others.
std::vector<std::vector<float>> tensors(size_t inputs, size_t count) {
  std::vector<std::vector<float>> x = tensors_apart(inputs, count, 0.1);
  for (size_t k = 1; k < inputs; ++k)
    for (size_t i = 0; i < count; ++i)
      if ((i / 3 + k) % 4 < 2) x[k][i] = x[0][i];
  return x;
}

TensorRun run(const std::vector<std::vector<float>>& x) {
  return merged_by_tensor("ramplus_tl", arguments_of(x.size()), x);
}

}  // namespace

TEST_CASE("ramplus_tl: changes of one checkpoint alone by what it shares, others on average") {
  for (const size_t inputs : {3u, 5u})
    for (const size_t count : {0u, 1u, 1300u, kLongTensor})
      for (const double alpha : {0.2, 5.0})
        check_tensors(
            "ramplus_tl", arguments_of(inputs, 0.1, alpha),
            [=](const std::vector<Vector>& x) { return definition(x, 0.1, alpha, 1e-5); }, 4, tensors(inputs, count));
}

TEST_CASE("ramplus_tl: counts are exact, and factors those of the definition") {
  const TensorRun got = run({{0, 0, 0, 0}, {1, 1, 1, 0}, {1, 0, 0, 1}});
  CHECK(got.statistics == std::vector<double>{1, 2, 1, 1});
  CHECK(got.coefficients[1] == 1 + 0.1 * 0.2);  // a ratio of 0.5 counts as 0.2
  CHECK(got.out == std::vector<float>{1, 1.02f, 1.02f, 1.02f});
}

TEST_CASE("ramplus_tl: without what could be shared it is ram, in one reading") {
  for (const Arguments& arguments : {arguments_of(2), arguments_of(3, 0), arguments_of(3, 0.1, 0)}) {
    const auto x = tensors(arguments.inputs, 1300);
    const TensorRun got = merged_by_tensor("ramplus_tl", arguments, x);
    CHECK(got.statistics.empty());
    CHECK(got.out == merged("ram", {1e-5}, x));
  }
}

TEST_CASE("ramplus_tl: equal stays equal, NaN stays where it is") {
  check_equal_tensors_stay("ramplus_tl", arguments_of(3));
  check_nan_stays_alone("ramplus_tl", arguments_of(3));
}

TEST_CASE("ramplus_tl: the same bits on every machine; parameters have their limits") {
  CHECK(digest(run(tensors(4, 1300)).out) == 0xf3bc5f1ae4393b87);
  CHECK(coefficients("ramplus_tl", arguments_of(3, 1, -1)).fault.starts_with("alpha"));
  CHECK(coefficients("ramplus_tl", arguments_of(3, 1, 1, -1)).fault.starts_with("epsilon"));
}

}  // namespace ckmerge
