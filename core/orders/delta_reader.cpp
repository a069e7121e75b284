// SPDX-License-Identifier: Apache-2.0
#include "core/orders/delta_reader.h"

#include <algorithm>
#include <type_traits>

#include "kernels/block_kernels.h"

namespace ckmerge {
namespace {

// The bits are those of every ISA.
template <typename T>
auto load_function(Dtype dtype) {
  const BlockKernels& kernels = **available_kernels().begin();
  if constexpr (std::is_same_v<T, double>)
    return kernels.load64[static_cast<size_t>(dtype)];
  else
    return kernels.load32[static_cast<size_t>(dtype)];
}

template <typename T>
void take_away(const std::vector<T>& what, uint64_t count, T* from) {
  for (uint64_t i = 0; i < count; ++i) from[i] = from[i] - what[i];
}

}  // namespace

template <typename T>
void DeltaReader<T>::load(uint32_t checkpoint, uint64_t first, uint64_t count, T* out) {
  const Checkpoint& from = checkpoints_[checkpoint];
  const size_t row = from.tensors.find(name_);
  const Dtype dtype = from.tensors[row].dtype;
  const uint64_t size = element_size(dtype);
  bytes_.resize(count * size);
  reader_.read(from, row, first * size, (first + count) * size, bytes_.data());
  const auto load = load_function<T>(dtype);
  for (uint64_t at = 0; at < count; at += kBlockElements)
    load(bytes_.data() + at * size, out + at, std::min<uint64_t>(kBlockElements, count - at));
}

template <typename T>
void DeltaReader<T>::load(const WholeInput& input, uint64_t first, uint64_t count, T* out) {
  load(input.input, first, count, out);
  if (!input.beyond) return;
  beyond_.resize(count);
  load(*input.beyond, first, count, beyond_.data());
  take_away(beyond_, count, out);
}

template <typename T>
void DeltaReader<T>::read(const WholeInput& input, const WholeInput& base, uint64_t first, uint64_t count, T* out) {
  load(input, first, count, out);
  base_.resize(count);
  load(base, first, count, base_.data());
  take_away(base_, count, out);
}

template class DeltaReader<float>;
template class DeltaReader<double>;

}  // namespace ckmerge
