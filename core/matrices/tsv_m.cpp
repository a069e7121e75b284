// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/algebra/full_svd.h"
#include "core/matrices/matrix_rows.h"

namespace ckmerge {
namespace {

// Of each delta, so that those of all are as many as the matrix has; but one. A lone checkpoint has none beyond it.
uint64_t vectors_of_each(Shape shape, size_t inputs) {
  return std::max<uint64_t>(std::min(matrix_rows(shape), matrix_columns(shape)) / std::max<size_t>(inputs, 1), 1);
}

Matrix plain_tsv_m(const WholeTensor& tensor) { return scaled(average_of(tensor.inputs), tensor.coefficients[0]); }

Matrix make_tsv_m(const WholeTensor& tensor) {
  if (!is_matrix(tensor.shape)) return plain_tsv_m(tensor);
  const uint64_t each = vectors_of_each(tensor.shape, tensor.inputs.size()), all = each * tensor.inputs.size();
  Matrix left(all, matrix_rows(tensor.shape)), right(all, matrix_columns(tensor.shape));
  Svd put{.values = std::vector<double>(all), .left = {}, .right = {}};
  for (size_t k = 0; k < tensor.inputs.size(); ++k) {
    const Svd svd = full_svd(tensor.inputs[k], tensor.hands);
    std::copy_n(svd.values.begin(), each, put.values.begin() + static_cast<ptrdiff_t>(k * each));
    put_rows(svd.left, each, left, k * each);
    put_rows(svd.right, each, right, k * each);
  }
  put.left = orthogonal_factor(left, tensor.hands);
  put.right = orthogonal_factor(right, tensor.hands);
  return scaled(put_together(put, tensor.hands), tensor.coefficients[0]);
}

uint64_t memory_of_tsv_m(Shape shape, size_t inputs, std::span<const double>) {
  const uint64_t rows = matrix_rows(shape), columns = matrix_columns(shape), size = rows * columns * sizeof(double);
  if (!is_matrix(shape)) return 2 * size;
  const uint64_t all = vectors_of_each(shape, inputs) * inputs, of_vectors = all * (rows + columns) * sizeof(double);
  return 2 * size + 3 * of_vectors +
         std::max({full_svd_memory(rows, columns), full_svd_memory(all, rows), full_svd_memory(all, columns)});
}

}  // namespace

const MatrixMethod kTsvM{.name = "tsv_m",
                         .of_deltas = true,
                         .multiplies = true,
                         .make = make_tsv_m,
                         .plain = plain_tsv_m,
                         .memory = memory_of_tsv_m};

}  // namespace ckmerge
