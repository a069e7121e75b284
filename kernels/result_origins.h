// SPDX-License-Identifier: Apache-2.0
// Results that are NaN, Inf or below 0: whether an operand was, or the arithmetic made them. Found by reading the
// operands once more, so only for blocks that have such results.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/program.h"

namespace ckmerge {

class ResultOrigins {
 public:
  /// What was computed and stored: `marks.size()` values of the compute dtype at `results`, and at `out` as `dtype`.
  struct Stored {
    Dtype compute = Dtype::F32;
    const void* results = nullptr;  ///< aligned for the compute dtype
    unsigned char* out = nullptr;
    Dtype dtype = Dtype::F32;
    bool keeps_equal = false;  ///< the program does (Program::keeps_equal)
  };
  /// `marks` is a byte for each result, for this object to use.
  ResultOrigins(const BlockKernels& kernels, const Stored& stored, std::span<uint8_t> marks) noexcept;

  /// Looks at every operand that the program loads, one after another; `first` is the element of result 0. Where all of
  /// them hold the same NaN in the output's dtype and equal operands are kept, the output gets its bits. `made`: the
  /// merge made the operand of finite inputs, and no NaN or Inf in it is an input's.
  void take(const Operand& operand, uint64_t first, bool made = false) noexcept;

  /// Adds to `counts.created`, once all were taken; what was made infinite counts there, not as lost_inf.
  void count(StoreCounts& counts) const noexcept;

  /// How many results are below 0 where no operand is.
  uint64_t negative() const noexcept;

 private:
  template <typename Value>
  void begin(const Value* results) noexcept;
  template <typename Value>
  void look_at(const Value* values, const Operand& operand, uint64_t first, size_t begin, size_t n) noexcept;
  void keep_bits(const unsigned char* element, bool same_dtype, bool is_nan, size_t i) noexcept;

  const BlockKernels& kernels_;
  const Stored stored_;
  const std::span<uint8_t> marks_;
  unsigned char nan_[8] = {};  // as a store writes it
  bool is_first_ = true;       // no operand was taken yet
  bool is_made_ = false;       // the operand that is taken
};

}  // namespace ckmerge
