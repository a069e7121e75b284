// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/channel_gains.h"

#include <algorithm>

#include "core/threads/stop_pace.h"
#include "kernels/matrix.h"

namespace ckmerge {
namespace {

// Elements of a channel that are multiplied at a time, and channels of the first checkpoint: sums are taken in this
// order on every machine.
constexpr uint64_t kDepthAtATime = 256, kRowsAtATime = 64;
// Products for which another thread is worth its beginning: some hundred microseconds.
constexpr uint64_t kProductsOfThread = uint64_t{1} << 23;
// Elements that one of the hands copies at a time.
constexpr uint64_t kCopied = uint64_t{1} << 16;

Hands enough_of(const Hands& hands, uint64_t products) {
  return {.threads = static_cast<unsigned>(std::min<uint64_t>(hands.threads, 1 + products / kProductsOfThread)),
          .stop = hands.stop};
}

}  // namespace

AxisView axis_view(Shape shape, size_t axis) {
  AxisView view;
  for (size_t i = 0; i < shape.size(); ++i) (i < axis ? view.before : i > axis ? view.behind : view.count) *= shape[i];
  return view;
}

std::vector<float> channels_of(const Matrix& tensor, const AxisView& view, uint64_t begin, uint64_t extent,
                               uint64_t together, const Hands& hands) {
  const uint64_t run = together * view.behind, runs = extent / together * view.before;
  std::vector<float> out(runs * run);
  hands.share_large(runs, std::max<uint64_t>(1, kCopied / run), [&](uint64_t from_run, uint64_t to_run) {
    for (uint64_t at = from_run; at < to_run; ++at) {
      const uint64_t first = begin + at / view.before * together, before = at % view.before;
      const double* const from = tensor.elements.data() + (before * view.count + first) * view.behind;
      for (uint64_t i = 0; i < run; ++i) out[at * run + i] = static_cast<float>(from[i]);
    }
  });
  return out;
}

ChannelGains::ChannelGains(uint64_t count, const Hands& hands) : count_(count) {
  gains_.reserve(count * count);
  StopPace pace(hands, true);  // zeros of some GiB take a second
  for (uint64_t row = 0; row < count; ++row) {
    pace.begin(count);
    gains_.resize((row + 1) * count);
  }
}

void ChannelGains::add(const std::vector<float>& first, const std::vector<float>& second, const Hands& hands) {
  if (count_ == 0) return;
  const uint64_t size = first.size() / count_;
  std::vector<float> right(std::min(size, kDepthAtATime) * count_);
  std::vector<float> panels(panels_size(std::min(size, kDepthAtATime), count_));
  const Hands enough = enough_of(hands, std::min(size, kDepthAtATime) * count_ * count_);
  for (uint64_t at = 0; at < size; at += kDepthAtATime) {
    const uint64_t depth = std::min(kDepthAtATime, size - at);
    for (uint64_t k = 0; k < depth; ++k)
      for (uint64_t j = 0; j < count_; ++j) right[k * count_ + j] = second[j * size + at + k];
    make_panels(right.data(), depth, count_, panels.data());
    enough.share(count_, kRowsAtATime, [&](uint64_t begin, uint64_t end) {
      std::vector<float> left(depth * (end - begin));
      for (uint64_t row = begin; row < end; ++row)
        std::copy_n(first.data() + row * size + at, depth, left.data() + (row - begin) * depth);
      add_product(left.data(), end - begin, depth, panels.data(), count_, 1, gains_.data() + begin * count_);
    });
  }
}

void ChannelGains::add(uint64_t i, uint64_t j, double gain) {
  float& sum = gains_[i * count_ + j];
  sum = static_cast<float>(double{sum} + gain);
}

uint64_t channel_gains_memory(uint64_t count, unsigned threads) {
  const uint64_t left = std::min<uint64_t>(threads, (count + kRowsAtATime - 1) / kRowsAtATime) * kRowsAtATime;
  return (count * count + kDepthAtATime * (count + left) + panels_size(kDepthAtATime, count)) * sizeof(float);
}

}  // namespace ckmerge
