// SPDX-License-Identifier: Apache-2.0
#include "core/orders/variances.h"

#include "kernels/magnitudes.h"

namespace ckmerge {

template <typename T>
void VarianceSums<T>::begin(uint64_t count) {
  means_.assign(count, 0);
  squares_.assign(count, 0);
  checkpoints_ = 0;
}

template <typename T>
void VarianceSums<T>::add(std::span<const T> elements) {
  ++checkpoints_;
  for (size_t i = 0; i < elements.size(); ++i) {
    const double value = static_cast<double>(elements[i]), before = value - means_[i];
    means_[i] = means_[i] + before / checkpoints_;
    squares_[i] = squares_[i] + before * (value - means_[i]);
  }
}

template <typename T>
void VarianceSums<T>::append_to(std::vector<VarianceKey<T>>& keys) const {
  for (const double sum : squares_)
    keys.push_back({magnitude_key(static_cast<T>(sum / checkpoints_)), static_cast<uint32_t>(keys.size())});
}

template class VarianceSums<float>;
template class VarianceSums<double>;

}  // namespace ckmerge
