// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/algebra/nearest_rank.h"
#include "core/matrices/matrix_rows.h"

namespace ckmerge {
namespace {

bool is_truncated(Shape shape, std::span<const double> coefficients) {
  const uint64_t values = std::min(matrix_rows(shape), matrix_columns(shape));
  return shape.size() >= 2 && coefficients[0] < static_cast<double>(values);
}

Matrix plain_truncate_rank(const WholeTensor& tensor) { return scaled(tensor.inputs[0], tensor.coefficients[1]); }

Matrix make_truncate_rank(const WholeTensor& tensor) {
  if (!is_truncated(tensor.shape, tensor.coefficients)) return plain_truncate_rank(tensor);
  return scaled(nearest_of_rank(tensor.inputs[0], static_cast<uint64_t>(tensor.coefficients[0]), tensor.hands),
                tensor.coefficients[1]);
}

uint64_t memory_of_truncate_rank(Shape shape, size_t, std::span<const double> coefficients) {
  const uint64_t rows = matrix_rows(shape), columns = matrix_columns(shape), size = rows * columns * sizeof(double);
  return is_truncated(shape, coefficients) ? nearest_of_rank_memory(rows, columns) : size;
}

}  // namespace

const MatrixMethod kTruncateRank{.name = "truncate_rank",
                                 .of_deltas = true,
                                 .multiplies = true,
                                 .make = make_truncate_rank,
                                 .plain = plain_truncate_rank,
                                 .memory = memory_of_truncate_rank};

}  // namespace ckmerge
