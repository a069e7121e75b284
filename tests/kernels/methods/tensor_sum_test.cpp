// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {
namespace {

std::vector<double> with(double alpha, double beta, bool columns) {
  const Coefficients found = coefficients("tensor_sum", with_values(2, {alpha, beta, columns ? 1.0 : 0.0}));
  CHECK(found.fault == "");
  return found.values;
}

// Python's int() of supermerger's products.
bool is_from_b(uint64_t line, uint64_t lines, double alpha, double beta) {
  const auto m = static_cast<double>(lines);
  const auto whole = [](double x) { return static_cast<uint64_t>(x); };
  if (alpha + beta <= 1) return line >= whole(m * beta) && line < whole(m * (alpha + beta));
  return line < whole(m * (alpha + beta - 1)) || line >= whole(m * beta);
}

}  // namespace

TEST_CASE("tensor_sum: supermerger's rows, and columns, of tensors of any shape") {
  const std::vector<std::vector<uint64_t>> shapes = {{7},      {1},           {0},       {},     {100, 3},
                                                     {4, 130}, {12, 4, 3, 3}, {5, 1, 2}, {0, 4}, {4, 0}};
  for (const auto& shape : shapes)
    for (const bool columns : {false, true})
      for (const double alpha : {0.0, 0.29, 0.5, 1.0})
        for (const double beta : {0.0, 0.07, 0.5, 0.9, 1.0}) {
          size_t count = 1, line = 1;
          for (const uint64_t dimension : shape) count *= dimension;
          const size_t axis = columns && shape.size() > 1 ? 1 : 0;
          for (size_t d = axis + 1; d < shape.size(); ++d) line *= shape[d];
          const uint64_t lines = shape.empty() ? 1 : shape[axis];
          const std::vector<float> a = weights(1, count), b = weights(2, count);
          const std::vector<float> got =
              merged("tensor_sum", with(alpha, beta, columns), {a, b}, {.name = "x", .shape = shape});
          size_t wrong = 0;
          for (size_t i = 0; i < count; ++i)
            wrong += got[i] != (is_from_b(i / line % lines, lines, alpha, beta) ? b[i] : a[i]);
          CHECK_MESSAGE(wrong == 0, shape.size() << " dimensions, " << alpha << ", " << beta);
        }
}

TEST_CASE("tensor_sum: what is not taken does not count, what is taken is copied") {
  std::vector<float> a = {1, 2, NAN, 4}, b = {5, NAN, 7, -0.0f};
  const std::vector<float> got = merged("tensor_sum", with(0.5, 0.5, false), {a, b});
  CHECK(got[0] == 1);
  CHECK(got[1] == 2);
  CHECK(got[2] == 7);
  CHECK((got[3] == 0 && std::signbit(got[3])));
  check_equal_stays("tensor_sum", with_values(2, {0.5, 0.25, 0}));
  check_equal_stays("tensor_sum", with_values(2, {0.75, 0.75, 1}));
  CHECK(copied("tensor_sum", with(0, 0.4, false), 2) == 0);
  CHECK(copied("tensor_sum", with(1, 0, true), 2) == 1);
  for (const double wrong : {-0.1, 1.1}) {
    CHECK(coefficients("tensor_sum", with_values(2, {wrong, 0, 0})).fault.starts_with("alpha must lie"));
    CHECK(coefficients("tensor_sum", with_values(2, {0.5, wrong, 0})).fault.starts_with("beta must lie"));
  }
}

}  // namespace ckmerge
