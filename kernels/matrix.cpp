// SPDX-License-Identifier: Apache-2.0
#include "kernels/matrix.h"

#include <algorithm>
#include <cstring>

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
  for (size_t first = 0; first < columns; first += kPanelColumns, panels += kPanelColumns * depth)
    for (size_t i = 0; i < rows; ++i) {
      float sums[kPanelColumns] = {};
      for (size_t k = 0; k < depth; ++k)
        for (size_t j = 0; j < kPanelColumns; ++j) sums[j] += left[i * depth + k] * panels[k * kPanelColumns + j];
      float* row = out + i * columns + first;
      for (size_t j = 0; j < std::min(kPanelColumns, columns - first); ++j) row[j] += factor * sums[j];
    }
}

}  // namespace ckmerge
