// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/matrix_methods.h"

#include <algorithm>
#include <array>

#include "core/matrices/matrix_rows.h"

namespace ckmerge {

std::span<const MatrixMethod> matrix_methods() {
  static const std::array kMethods{
      kCrossover, kDistributionCrossover, kIsoC,         kIsoCts, kKnots, kRebasin, kRotate,
      kSmoothAdd, kTopKTensorSum,         kTruncateRank, kTsvM};
  return kMethods;
}

const MatrixMethod* matrix_method(std::string_view name) {
  const auto all = matrix_methods();
  const auto found = std::ranges::find(all, name, &MatrixMethod::name);
  return found == all.end() ? nullptr : &*found;
}

uint64_t matrix_rows(Shape shape) { return shape.size() < 2 ? 1 : shape[0]; }

uint64_t matrix_columns(Shape shape) {
  uint64_t columns = 1;
  for (size_t i = shape.size() < 2 ? 0 : 1; i < shape.size(); ++i) columns *= shape[i];
  return columns;
}

Matrix scaled(Matrix matrix, double factor) {
  for (double& element : matrix.elements) element *= factor;
  return matrix;
}

Matrix sum_of(std::span<const Matrix> matrices) {
  Matrix sum = matrices[0];
  for (const Matrix& matrix : matrices.subspan(1))
    for (size_t i = 0; i < sum.elements.size(); ++i) sum.elements[i] += matrix.elements[i];
  return sum;
}

Matrix average_of(std::span<const Matrix> matrices) {
  return scaled(sum_of(matrices), 1 / static_cast<double>(matrices.size()));
}

Matrix between(const Matrix& a, const Matrix& b, double alpha) {
  Matrix out = a;
  for (size_t i = 0; i < out.elements.size() && alpha != 0; ++i)
    if (a.elements[i] != b.elements[i]) out.elements[i] += alpha * (b.elements[i] - a.elements[i]);
  return out;
}

void put_rows(const Matrix& from, uint64_t count, Matrix& to, uint64_t first) {
  std::copy_n(from.elements.begin(), count * from.columns, to.row(first));
}

}  // namespace ckmerge
