// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "core/algebra/full_svd.h"
#include "core/matrices/matrix_rows.h"

namespace ckmerge {
namespace {

Matrix plain_iso_c(const WholeTensor& tensor) { return scaled(average_of(tensor.inputs), tensor.coefficients[0]); }

Matrix make_iso_c(const WholeTensor& tensor) {
  if (!is_matrix(tensor.shape)) return plain_iso_c(tensor);
  Svd svd = full_svd(sum_of(tensor.inputs), tensor.hands);
  const double sum = std::accumulate(svd.values.begin(), svd.values.end(), 0.0);
  std::ranges::fill(svd.values, sum / static_cast<double>(svd.values.size()));  // vectors of zeros stay so
  return scaled(put_together(svd, tensor.hands), tensor.coefficients[0]);
}

uint64_t memory_of_iso_c(Shape shape, size_t, std::span<const double>) {
  const uint64_t rows = matrix_rows(shape), columns = matrix_columns(shape);
  return 2 * rows * columns * sizeof(double) + (is_matrix(shape) ? full_svd_memory(rows, columns) : 0);
}

}  // namespace

const MatrixMethod kIsoC{.name = "iso_c",
                         .of_deltas = true,
                         .multiplies = true,
                         .make = make_iso_c,
                         .plain = plain_iso_c,
                         .memory = memory_of_iso_c};

}  // namespace ckmerge
