// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "core/matrices/alignment.h"
#include "core/matrices/matrix_rows.h"

namespace ckmerge {
namespace {

// Equal elements stay as they are, and the ends are the inputs, to the bit.
Matrix mixed_with(const Matrix& a, Matrix b, double alpha) {
  for (size_t i = 0; i < b.elements.size(); ++i) {
    const double x = a.elements[i];
    double& y = b.elements[i];
    if (alpha != 1 && x != y) y = alpha == 0 ? x : (1 - alpha) * x + alpha * y;
  }
  return b;
}

Matrix make_rebasin(const WholeTensor& tensor) {
  Matrix b = tensor.inputs[1];
  if (tensor.alignment != nullptr) tensor.alignment->apply(tensor.row, b, tensor.hands);
  return mixed_with(tensor.inputs[0], std::move(b), tensor.coefficients[0]);
}

Matrix plain_rebasin(const WholeTensor& tensor) {
  return mixed_with(tensor.inputs[0], tensor.inputs[1], tensor.coefficients[0]);
}

uint64_t memory_of_rebasin(Shape shape, size_t, std::span<const double>) {
  return 2 * matrix_rows(shape) * matrix_columns(shape) * sizeof(double);  // B, and as it was while places change
}

}  // namespace

const MatrixMethod kRebasin{.name = "rebasin",
                            .of_deltas = false,
                            .aligns = true,
                            .make = make_rebasin,
                            .plain = plain_rebasin,
                            .memory = memory_of_rebasin};

}  // namespace ckmerge
