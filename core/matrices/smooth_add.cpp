// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "core/algebra/window_filters.h"
#include "core/matrices/matrix_rows.h"

namespace ckmerge {
namespace {

Matrix change_of(const WholeTensor& tensor) {
  Matrix out = tensor.inputs[1];
  for (size_t i = 0; i < out.elements.size(); ++i) out.elements[i] -= tensor.inputs[2].elements[i];
  return out;
}

// Where nothing is added A stays as it is, to the bit.
Matrix added(const WholeTensor& tensor, Matrix change) {
  const Matrix& a = tensor.inputs[0];
  for (size_t i = 0; i < change.elements.size(); ++i) {
    const double more = tensor.coefficients[0] * change.elements[i];
    change.elements[i] = more == 0 ? a.elements[i] : a.elements[i] + more;
  }
  return change;
}

Matrix plain_smooth_add(const WholeTensor& tensor) { return added(tensor, change_of(tensor)); }

Matrix make_smooth_add(const WholeTensor& tensor) {
  Matrix change = change_of(tensor);
  if (!tensor.shape.empty()) {
    change.elements = medians_of_three(change.elements, tensor.shape, tensor.hands);
    blur(change.elements, tensor.shape, tensor.hands);
  }
  return added(tensor, std::move(change));
}

uint64_t memory_of_smooth_add(Shape shape, size_t, std::span<const double>) {
  return 2 * matrix_rows(shape) * matrix_columns(shape) * sizeof(double);
}

uint64_t memory_of_threads_of_smooth_add(Shape shape, unsigned threads) {
  return shape.empty() ? 0 : threads * std::max(medians_memory_of_thread(shape), blur_memory_of_thread(shape));
}

}  // namespace

const MatrixMethod kSmoothAdd{.name = "smooth_add",
                              .of_deltas = false,
                              .make = make_smooth_add,
                              .plain = plain_smooth_add,
                              .memory = memory_of_smooth_add,
                              .memory_of_threads = memory_of_threads_of_smooth_add};

}  // namespace ckmerge
