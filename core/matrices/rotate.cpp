// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "core/algebra/full_svd.h"
#include "core/algebra/orthonormal.h"
#include "core/matrices/matrix_rows.h"

namespace ckmerge {
namespace {

// In the order of the method's coefficients.
struct Numbers {
  double alignment, alpha, centralization;
};

Numbers numbers_of(const WholeTensor& tensor) {
  return {tensor.coefficients[0], tensor.coefficients[1], tensor.coefficients[2]};
}

// Equal elements stay as they are, to the bit.
Matrix between(const Matrix& a, const Matrix& b, double alpha) {
  Matrix out = a;
  for (size_t i = 0; i < out.elements.size() && alpha != 0; ++i)
    if (a.elements[i] != b.elements[i]) out.elements[i] += alpha * (b.elements[i] - a.elements[i]);
  return out;
}

// Kernels of a convolution are rows, one for each pair of channels.
std::pair<uint64_t, uint64_t> rotated_shape(Shape shape) {
  const bool has_kernel = shape.size() == 4 && shape[2] * shape[3] != 1;
  if (has_kernel) return {shape[0] * shape[1], shape[2] * shape[3]};
  return {matrix_rows(shape), matrix_columns(shape)};
}

std::vector<double> mean_row(const Matrix& matrix, double factor) {
  std::vector<double> mean(matrix.columns);
  for (uint64_t i = 0; i < matrix.rows; ++i)
    for (uint64_t j = 0; j < matrix.columns; ++j) mean[j] += matrix.row(i)[j];
  for (double& element : mean) element *= factor / static_cast<double>(matrix.rows);
  return mean;
}

void add_row(Matrix& matrix, const std::vector<double>& row, double factor) {
  for (uint64_t i = 0; i < matrix.rows; ++i)
    for (uint64_t j = 0; j < matrix.columns; ++j) matrix.row(i)[j] += factor * row[j];
}

// What turns rows of one matrix towards those of another: each row of `from` to that of `to`; what is at a right angle
// to all rows of `to` stays.
struct Turn {
  Matrix from, to;

  Turn back() const { return {to, from}; }
  Matrix of(const Matrix& rows) const {
    Matrix turned = product(row_products(rows, from), to);
    if (to.rows == to.columns) return turned;
    const Matrix lost = product(row_products(rows, to), to);
    for (size_t i = 0; i < turned.elements.size(); ++i) turned.elements[i] += rows.elements[i] - lost.elements[i];
    return turned;
  }
};

Matrix without_zeros(const Svd& svd, const Matrix& vectors) {
  const auto count = static_cast<uint64_t>(std::ranges::count_if(svd.values, [](double value) { return value > 0; }));
  Matrix out(count, vectors.columns);
  put_rows(vectors, count, out, 0);
  return out;
}

// Vectors of the transpose of a, times b (Schoenemann, 1966), which are never more than a has rows.
Turn nearest_turn(Matrix a, Matrix b) {
  if (a.rows >= a.columns) {
    const Svd svd = full_svd(product(transposed(a), b));
    return {without_zeros(svd, svd.left), without_zeros(svd, svd.right)};
  }
  const Matrix of_a = make_orthonormal(a), of_b = make_orthonormal(b);
  const Svd svd = full_svd(product(transposed(of_a), of_b));
  return {product(without_zeros(svd, svd.left), a), product(without_zeros(svd, svd.right), b)};
}

Matrix plain_rotate(const WholeTensor& tensor) {
  return between(tensor.inputs[0], tensor.inputs[1], numbers_of(tensor).alpha);
}

Matrix make_rotate(const WholeTensor& tensor) {
  Matrix a = tensor.inputs[0], b = tensor.inputs[1];
  const Numbers numbers = numbers_of(tensor);
  if (tensor.shape.size() < 2 || a.elements == b.elements) return plain_rotate(tensor);
  if (numbers.alignment == numbers.alpha) return numbers.alpha == 0 ? a : b;
  std::tie(a.rows, a.columns) = std::tie(b.rows, b.columns) = rotated_shape(tensor.shape);
  const std::vector<double> mean_a = mean_row(a, numbers.centralization), mean_b = mean_row(b, numbers.centralization);
  add_row(a, mean_a, -1);
  add_row(b, mean_b, -1);
  const Turn turn = nearest_turn(a, b);
  if (numbers.alpha != 0) a = between(a, turn.back().of(b), numbers.alpha);
  if (numbers.alignment != 0) a = turn.of(a);
  add_row(a, numbers.alignment == 0 ? mean_a : mean_b, 1);
  a.rows = tensor.inputs[0].rows;
  a.columns = tensor.inputs[0].columns;
  return a;
}

uint64_t memory_of_rotate(Shape shape, size_t, std::span<const double>) {
  const uint64_t size = matrix_rows(shape) * matrix_columns(shape) * sizeof(double);
  if (shape.size() < 2) return size;
  const auto [rows, columns] = rotated_shape(shape);
  const uint64_t small = std::min(rows, columns);
  return 8 * size + 6 * small * small * sizeof(double) + full_svd_memory(small, small);
}

}  // namespace

const MatrixMethod kRotate{
    .name = "rotate", .of_deltas = false, .make = make_rotate, .plain = plain_rotate, .memory = memory_of_rotate};

}  // namespace ckmerge
