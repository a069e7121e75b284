// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include "core/algebra/full_svd.h"
#include "core/algebra/orthonormal.h"
#include "core/algebra/turn_power.h"
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
  const Hands* hands;

  Turn back() const { return {to, from, hands}; }
  Matrix of(const Matrix& rows) const {
    Matrix turned = product(row_products(rows, from, *hands), to, *hands);
    if (to.rows == to.columns) return turned;
    const Matrix lost = product(row_products(rows, to, *hands), to, *hands);
    for (size_t i = 0; i < turned.elements.size(); ++i) turned.elements[i] += rows.elements[i] - lost.elements[i];
    return turned;
  }
};

// The rows that are not nothing.
Matrix rows_that_stand(const Matrix& matrix) {
  Matrix out(matrix.rows, matrix.columns);
  uint64_t count = 0;
  for (uint64_t i = 0; i < matrix.rows; ++i)
    if (dot(matrix.row(i), matrix.row(i), matrix.columns) > 0.5)
      std::copy_n(matrix.row(i), matrix.columns, out.row(count++));
  out.rows = count;
  out.elements.resize(count * matrix.columns);
  return out;
}

Matrix beside(const Matrix& upper, const Matrix& lower) {
  Matrix out(upper.rows + lower.rows, upper.columns);
  put_rows(upper, upper.rows, out, 0);
  put_rows(lower, lower.rows, out, upper.rows);
  return out;
}

// The same turn of all vectors: what is at right angles to `from` goes to what is so to `to`, as near as it can. A
// reflection has no parts: where there is one, and a part is asked for, the last row goes the other way, that of the
// smallest singular value or one of those at right angles.
Turn whole_turn(Turn turn, double part) {
  const Hands& hands = *turn.hands;
  if (turn.from.rows < turn.from.columns) {
    const Matrix of_from = complement(turn.from, hands), of_to = complement(turn.to, hands);
    const Svd svd = full_svd(row_products(of_from, of_to, hands), hands);
    turn.from = beside(turn.from, product(rows_that_stand(svd.left), of_from, hands));
    turn.to = beside(turn.to, product(rows_that_stand(svd.right), of_to, hands));
    turn.from = beside(turn.from, complement(turn.from, hands));  // of what stands at right angles to all of the other
    turn.to = beside(turn.to, complement(turn.to, hands));
  }
  if (part != std::floor(part) && determinant(product(transposed(turn.from), turn.to, hands), hands) < 0) {
    double* const last = turn.from.row(turn.from.rows - 1);
    std::transform(last, last + turn.from.columns, last, [](double element) { return -element; });
  }
  return turn;
}

PlaneTurns planes_of(const Turn& whole) {
  return plane_turns(product(transposed(whole.from), whole.to, *whole.hands), *whole.hands);
}

// `rows` turned by a part of the way, or beyond it. Of fewer rows than columns both sides of the turn come towards each
// other, along the turn of the space that they span together (sd-mecha's way, by another path).
Matrix turned_partly(const Turn& turn, const Matrix& rows, double part) {
  const Hands& hands = *turn.hands;
  if (rows.rows >= rows.columns) return product(rows, turned_by(planes_of(turn), part, hands), hands);
  Matrix span = beside(turn.to, turn.from);
  make_orthonormal(span, hands);
  span = rows_that_stand(span);
  const Matrix to = row_products(turn.to, span, hands);
  const PlaneTurns planes =
      planes_of(whole_turn({.from = to, .to = row_products(turn.from, span, hands), .hands = turn.hands}, 0.5));
  const Matrix left = product(product(to, turned_by(planes, (1 + part) / 2, hands), hands), span, hands);
  const Matrix right = product(product(to, turned_by(planes, (1 - part) / 2, hands), hands), span, hands);
  Matrix along = row_products(rows, left, hands);
  const Matrix lost = row_products(rows, right, hands);
  for (size_t i = 0; i < along.elements.size(); ++i) along.elements[i] -= lost.elements[i];
  Matrix out = product(along, right, hands);
  for (size_t i = 0; i < out.elements.size(); ++i) out.elements[i] += rows.elements[i];
  return out;
}

Matrix without_zeros(const Svd& svd, const Matrix& vectors) {
  const auto count = static_cast<uint64_t>(std::ranges::count_if(svd.values, [](double value) { return value > 0; }));
  Matrix out(count, vectors.columns);
  put_rows(vectors, count, out, 0);
  return out;
}

// Vectors of the transpose of a, times b (Schoenemann, 1966), which are never more than a has rows.
Turn nearest_turn(Matrix a, Matrix b, const Hands& hands) {
  if (a.rows >= a.columns) {
    const Svd svd = full_svd(product(transposed(a), b, hands), hands);
    return {without_zeros(svd, svd.left), without_zeros(svd, svd.right), &hands};
  }
  const Matrix of_a = make_orthonormal(a, hands), of_b = make_orthonormal(b, hands);
  const Svd svd = full_svd(product(transposed(of_a), of_b, hands), hands);
  return {product(without_zeros(svd, svd.left), a, hands), product(without_zeros(svd, svd.right), b, hands), &hands};
}

Matrix plain_rotate(const WholeTensor& tensor) {
  return between(tensor.inputs[0], tensor.inputs[1], numbers_of(tensor).alpha);
}

bool is_part(double alignment) { return alignment != 0 && alignment != 1; }

Matrix make_rotate(const WholeTensor& tensor) {
  Matrix a = tensor.inputs[0], b = tensor.inputs[1];
  const Numbers numbers = numbers_of(tensor);
  if (tensor.shape.size() < 2 || a.elements == b.elements) return plain_rotate(tensor);
  if (numbers.alignment == numbers.alpha && !is_part(numbers.alpha)) return numbers.alpha == 0 ? a : b;
  std::tie(a.rows, a.columns) = std::tie(b.rows, b.columns) = rotated_shape(tensor.shape);
  const std::vector<double> mean_a = mean_row(a, numbers.centralization), mean_b = mean_row(b, numbers.centralization);
  add_row(a, mean_a, -1);
  add_row(b, mean_b, -1);
  Turn turn = nearest_turn(a, b, tensor.hands);
  const bool is_whole = a.rows >= a.columns && is_part(numbers.alignment);
  if (is_whole) turn = whole_turn(std::move(turn), numbers.alignment);
  if (numbers.alpha != 0) a = between(a, turn.back().of(b), numbers.alpha);
  if (is_part(numbers.alignment))
    a = turned_partly(turn, a, numbers.alignment);
  else if (numbers.alignment != 0)
    a = turn.of(a);
  add_row(a, mean_a, 1 - numbers.alignment);
  add_row(a, mean_b, numbers.alignment);
  a.rows = tensor.inputs[0].rows;
  a.columns = tensor.inputs[0].columns;
  return a;
}

uint64_t memory_of_rotate(Shape shape, size_t, std::span<const double> coefficients) {
  const uint64_t size = matrix_rows(shape) * matrix_columns(shape) * sizeof(double);
  if (shape.size() < 2) return size;
  const auto [rows, columns] = rotated_shape(shape);
  const uint64_t small = std::min(rows, columns);
  const uint64_t whole = 8 * size + 6 * small * small * sizeof(double) + full_svd_memory(small, small);
  if (!is_part(coefficients[0])) return whole;
  const uint64_t turned = rows >= columns ? columns : std::min(columns, 2 * rows);  // dimensions that turn
  return whole + 3 * turned * columns * sizeof(double) +
         std::max(turn_power_memory(turned), 4 * turned * turned * sizeof(double) + full_svd_memory(turned, turned));
}

}  // namespace

const MatrixMethod kRotate{.name = "rotate",
                           .of_deltas = false,
                           .multiplies = true,
                           .make = make_rotate,
                           .plain = plain_rotate,
                           .memory = memory_of_rotate};

}  // namespace ckmerge
