// SPDX-License-Identifier: Apache-2.0
#include "kernels/matrix.h"

#include <algorithm>
#include <cstring>

#include "kernels/block_kernels.h"

namespace ckmerge {

size_t panels_size(size_t depth, size_t columns) noexcept {
  return (columns + kPanelColumns - 1) / kPanelColumns * kPanelColumns * depth;
}

void make_panels(const float* right, size_t depth, size_t columns, float* panels) noexcept {
  for (size_t first = 0; first < columns; first += kPanelColumns) {
    const size_t count = std::min(kPanelColumns, columns - first);
    for (size_t k = 0; k < depth; ++k, panels += kPanelColumns) {
      std::memcpy(panels, right + k * columns + first, count * sizeof(float));
      std::fill(panels + count, panels + kPanelColumns, 0.0F);
    }
  }
}

void add_product(const float* left, size_t rows, size_t depth, const float* panels, size_t columns, float factor,
                 float* out) noexcept {
  static const MatrixKernel& kBest = matrix_kernel(**available_kernels().begin());
  kBest.add_product(left, rows, depth, panels, columns, factor, out);
}

}  // namespace ckmerge
