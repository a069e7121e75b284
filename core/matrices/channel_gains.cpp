// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/channel_gains.h"

#include <algorithm>

#include "kernels/matrix.h"

namespace ckmerge {
namespace {

// Elements of a channel that are multiplied at a time, and channels of the first checkpoint: sums are taken in this
// order on every machine.
constexpr uint64_t kDepthAtATime = 256, kRowsAtATime = 64;

}  // namespace

AxisView axis_view(Shape shape, size_t axis) {
  AxisView view;
  for (size_t i = 0; i < shape.size(); ++i) (i < axis ? view.before : i > axis ? view.behind : view.count) *= shape[i];
  return view;
}

std::vector<float> channels_of(const Matrix& tensor, const AxisView& view, uint64_t begin, uint64_t extent,
                               uint64_t together) {
  std::vector<float> out;
  out.reserve(view.before * extent * view.behind);
  const uint64_t run = together * view.behind;
  for (uint64_t first = begin; first < begin + extent; first += together)
    for (uint64_t before = 0; before < view.before; ++before) {
      const double* const from = tensor.elements.data() + (before * view.count + first) * view.behind;
      for (uint64_t i = 0; i < run; ++i) out.push_back(static_cast<float>(from[i]));
    }
  return out;
}

void ChannelGains::add(const std::vector<float>& first, const std::vector<float>& second) {
  if (count_ == 0) return;
  const uint64_t size = first.size() / count_;
  std::vector<float> right(std::min(size, kDepthAtATime) * count_), left(std::min(size, kDepthAtATime) * kRowsAtATime);
  std::vector<float> panels(panels_size(std::min(size, kDepthAtATime), count_));
  for (uint64_t at = 0; at < size; at += kDepthAtATime) {
    const uint64_t depth = std::min(kDepthAtATime, size - at);
    for (uint64_t k = 0; k < depth; ++k)
      for (uint64_t j = 0; j < count_; ++j) right[k * count_ + j] = second[j * size + at + k];
    make_panels(right.data(), depth, count_, panels.data());
    for (uint64_t i = 0; i < count_; i += kRowsAtATime) {
      const uint64_t rows = std::min(kRowsAtATime, count_ - i);
      for (uint64_t row = 0; row < rows; ++row)
        std::copy_n(first.data() + (i + row) * size + at, depth, left.data() + row * depth);
      add_product(left.data(), rows, depth, panels.data(), count_, 1, gains_.data() + i * count_);
    }
  }
}

void ChannelGains::add(uint64_t i, uint64_t j, double gain) {
  float& sum = gains_[i * count_ + j];
  sum = static_cast<float>(double{sum} + gain);
}

uint64_t channel_gains_memory(uint64_t count) {
  return (count * count + kDepthAtATime * (count + kRowsAtATime) + panels_size(kDepthAtATime, count)) * sizeof(float);
}

}  // namespace ckmerge
