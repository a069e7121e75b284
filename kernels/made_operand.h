// SPDX-License-Identifier: Apache-2.0
// What a method may want of whole tensors beside its inputs, element by element: operands that are made before the
// formula sees them (core/orders), as a method's inputs may be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ckmerge {

/// One of them. All but draws and variances are of the magnitudes of what `input` has beyond input 0, where NaN is the
/// largest.
struct MadeOperand {
  enum class Kind : uint8_t {
    /// 1 where the element's number that Op::uniform draws for a method and an input is less than its share (`mask`),
    /// 0 elsewhere. Of equal magnitudes that of the lower index is the smaller.
    mask,
    /// Where an element stands among those along the second dimension (of a vector along its only one), by magnitude:
    /// from 0, the smallest, to 1, the largest; 0.5 where it is alone. Equal ones as torch.argsort() of a CPU leaves
    /// them.
    torch_rank,
    /// 1 where an element is in the range of `stays` among all of the tensor's, from the largest down, 0 elsewhere;
    /// equal ones as torch.argsort(descending=True) of a CPU leaves them.
    torch_stays,
    torch_stays_ascending,  ///< the same of an argsort() from the smallest up
    /// 1 where the variance over what all inputs have beyond input 0 is among the largest of the tensor, as many as
    /// `stays` keeps of those that are not 0, and 0 elsewhere; equal ones as torch.var() and torch.topk() of a CPU
    /// leave them. NaN is the largest. `input` is 1.
    torch_variances,
    /// The random number in [0, 1) that mergekit-yaml draws: those of MT19937, tensors in the order of their names,
    /// and of each of them one for every element, in the order in which a method wants them.
    draw,
  };
  Kind kind = Kind::mask;
  size_t input = 1;

  /// Elements that stay: not the `outer` largest of a tensor of `count`, but those behind them, up to `kept`.
  struct Range {
    std::array<double, 2> shares = {};  ///< what the functions make of them is their own
    uint64_t (*kept)(const std::array<double, 2>& shares, uint64_t count) = nullptr;
    uint64_t (*outer)(const std::array<double, 2>& shares, uint64_t count) = nullptr;  ///< null: 0

    friend bool operator==(const Range&, const Range&) = default;
  };
  Range stays = {};

  /// Of an element its share, which hangs on how many of the `count` along the second dimension (of a vector along its
  /// only one) are smaller, `rank`, and only rises or only falls as that grows; in the compute dtype.
  struct Mask {
    const char* method = nullptr;       ///< whose numbers are drawn
    std::array<double, 2> shares = {};  ///< what the functions make of them is their own
    float (*share32)(const std::array<double, 2>& shares, uint64_t rank, uint64_t count) = nullptr;
    double (*share64)(const std::array<double, 2>& shares, uint64_t rank, uint64_t count) = nullptr;
    bool of_whole = false;  ///< rank and count are those among all elements of the tensor

    friend bool operator==(const Mask&, const Mask&) = default;
  };
  Mask mask = {};
  double seed = 0;  ///< of a mask or a draw: a whole number from 0

  bool is(Kind other, size_t of) const { return kind == other && input == of; }
  friend bool operator==(const MadeOperand&, const MadeOperand&) = default;
};

}  // namespace ckmerge
