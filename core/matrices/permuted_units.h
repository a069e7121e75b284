// SPDX-License-Identifier: Apache-2.0
// Which channels of a network can change places without changing what it computes, and in which tensors: hidden
// channels of an MLP, heads of an attention and channels within them. Units share no channel with each other, so that
// each is matched alone. The residual stream is left as it is: all that adds to it would have to change.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "io/table/tensor_table.h"

namespace ckmerge {

/// How the channels of a unit may change places.
enum class Arrangement : uint8_t {
  blocks,  ///< blocks as wholes, and channels within them, of each part for itself
  rotary,  ///< heads as wholes, channels within a head only where no rotary embedding knows them by their place
};

/// Parts of a unit: sets of channels that change places apart from each other within a block.
inline constexpr size_t kMostParts = 4;
/// Those of rotary attention: queries and keys, by head; values, and what leaves the heads.
inline constexpr uint8_t kQueries = 0, kKeys = 1, kValues = 2, kOutputs = 3;

/// Channels [begin, begin + the part's extent) of an axis of a tensor.
struct PermutedWindow {
  uint32_t row = 0;  ///< of the first checkpoint's table
  uint8_t axis = 0, part = 0;
  uint64_t begin = 0;
};

struct PermutedUnit {
  Arrangement arrangement = Arrangement::blocks;
  uint64_t blocks = 1;                         ///< of every part; of rotary attention, heads of keys
  uint64_t head_channels = 0;                  ///< of rotary attention
  std::array<uint64_t, kMostParts> extents{};  ///< channels of each part; 0: there is none
  std::vector<PermutedWindow> windows;
};

/// Those of tensors that both tables have in one shape. Modules that hold a tensor of which no rule knows are left
/// alone. `head_channels`: of a head of rotary attention, which no shape tells; 0 leaves those alone.
std::vector<PermutedUnit> permuted_units(const TensorTable& tensors, const TensorTable& others, uint64_t head_channels);

}  // namespace ckmerge
