// SPDX-License-Identifier: Apache-2.0
// Variances over checkpoints, element by element, to the bits of torch.var(dim=0, unbiased=False) on a CPU: Welford's
// method in f64 over one checkpoint after another, rounded to the dtype of the elements. Held against torch 2.15 over 2
// to 7 checkpoints, 4 million elements of F32 and of differences of BF16.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "core/orders/torch_order.h"

namespace ckmerge {

/// Of F32 elements 8 bytes, of F64 16.
template <typename T>
using VarianceKey = KeyedIndex<std::conditional_t<std::is_same_v<T, double>, uint64_t, uint32_t>>;

/// T is float or double.
template <typename T>
class VarianceSums {
 public:
  /// Elements of which no checkpoint is known yet.
  void begin(uint64_t count);
  /// Those of the next checkpoint, as many.
  void add(std::span<const T> elements);
  /// Appends the variances' keys (kernels/magnitudes), their indices counted on from keys.size().
  void append_to(std::vector<VarianceKey<T>>& keys) const;

  /// Bytes for so many elements at a time.
  static uint64_t memory(uint64_t count) { return 2 * sizeof(double) * count; }

 private:
  std::vector<double> means_, squares_;  // by element: of all so far, and the sum of squares around that
  double checkpoints_ = 0;
};

extern template class VarianceSums<float>;
extern template class VarianceSums<double>;

}  // namespace ckmerge
