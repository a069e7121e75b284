// SPDX-License-Identifier: Apache-2.0
// How well channels of one checkpoint go with those of another: products of all pairs, in f32.
#pragma once

#include <cstdint>
#include <vector>

#include "core/algebra/assignment.h"
#include "core/algebra/matrix.h"
#include "core/threads/hands.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

/// An axis of a tensor: element i of it, of all that lie before and behind, is (before * count + i) * behind.
struct AxisView {
  uint64_t before = 1, count = 1, behind = 1;
};
AxisView axis_view(Shape shape, size_t axis);

/// What belongs to the channels [begin, begin + extent) of an axis, `together` of them at a time: one after another,
/// all elements of each, as f32.
std::vector<float> channels_of(const Matrix& tensor, const AxisView& view, uint64_t begin, uint64_t extent,
                               uint64_t together, const Hands& hands = {});

/// A square of them: row i is a place, and channel i of the first checkpoint; column j a channel of the second.
class ChannelGains {
 public:
  explicit ChannelGains(uint64_t count, const Hands& hands = {});

  /// Adds the products of all pairs, of which each side has as many elements a channel: the same sums for any number of
  /// hands.
  void add(const std::vector<float>& first, const std::vector<float>& second, const Hands& hands = {});
  void add(uint64_t i, uint64_t j, double gain);

  double at(uint64_t i, uint64_t j) const { return double{gains_[i * count_ + j]}; }
  Gains all() const { return square(0, 0, count_); }
  Gains square(uint64_t i, uint64_t j, uint64_t count) const {
    return {.first = gains_.data() + i * count_ + j, .count = count, .stride = count_};
  }

 private:
  uint64_t count_;
  std::vector<float> gains_;
};

/// Bytes that one holds, with those that it multiplies at a time on so many threads.
uint64_t channel_gains_memory(uint64_t count, unsigned threads);

}  // namespace ckmerge
