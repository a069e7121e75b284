// SPDX-License-Identifier: Apache-2.0
// Layers of an input, of which an operand is made that no file holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ckmerge {

struct Slice {
  uint32_t input = 0;    ///< index of the checkpoint
  std::string run = {};  ///< prefix of the layers (core/names/layer_runs.h); empty: the language model's
  uint32_t begin = 0, end = 0;

  /// None at all: its input only gives what lies before the layers, of the first slice, or behind them, of the last.
  bool is_empty() const { return begin == end; }

  friend bool operator==(const Slice&, const Slice&) = default;
};

/// What a method is given in place of an input: the layers of its slices, numbered anew in their order. What lies
/// before all layers is the first slice's input's, what lies behind them the last one's.
using Slices = std::vector<Slice>;

}  // namespace ckmerge
