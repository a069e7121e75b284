// SPDX-License-Identifier: Apache-2.0
// What a method may want of whole tensors beside its inputs, element by element: operands that are made before the
// formula sees them (core/orders), as a method's inputs may be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ckmerge {

/// One of them. All but draws are of the magnitudes of what `input` has beyond input 0, where NaN is the largest.
struct MadeOperand {
  enum class Kind : uint8_t {
    /// Where an element stands among those along the second dimension (of a vector along its only one), by magnitude:
    /// from 0, the smallest, to 1, the largest; 0.5 where it is alone. Of equal ones that of the lower index is the
    /// smaller.
    rank,
    torch_rank,  ///< the same, equal ones as torch.argsort() of a CPU leaves them
    /// 1 where an element is in the range of `stays` among all of the tensor's, from the largest down, 0 elsewhere;
    /// equal ones as torch.argsort(descending=True) of a CPU leaves them.
    torch_stays,
    torch_stays_ascending,  ///< the same of an argsort() from the smallest up
    /// The random number in [0, 1) that mergekit-yaml draws: those of MT19937, tensors in the order of their names,
    /// and of each of them one for every element, in the order in which a method wants them.
    draw,
  };
  Kind kind = Kind::rank;
  size_t input = 1;

  /// Elements that stay: not the `outer` largest of a tensor of `count`, but those behind them, up to `kept`.
  struct Range {
    std::array<double, 2> shares = {};  ///< what the functions make of them is their own
    uint64_t (*kept)(const std::array<double, 2>& shares, uint64_t count) = nullptr;
    uint64_t (*outer)(const std::array<double, 2>& shares, uint64_t count) = nullptr;  ///< null: 0
  };
  Range stays = {};
  double seed = 0;  ///< of a draw: a whole number from 0

  bool is(Kind other, size_t of) const { return kind == other && input == of; }
};

}  // namespace ckmerge
