// SPDX-License-Identifier: Apache-2.0
// The rotations that LyCORIS makes of `oft_blocks`, for Diag-OFT (blocks, b, b) and BOFT (stages, blocks, b, b): of a
// block X the antisymmetric Q = X - X^T and R = (I + Q) (I - Q)^-1. What the file calls alpha is no scale but a bound:
// times the layer's outputs it is the greatest length that Q, over all blocks together, may have.
#pragma once

#include <string>
#include <vector>

#include "core/adapters/adapter_kind.h"
#include "core/adapters/turning/square_matrix.h"

namespace ckmerge {

class LycorisRotations {
 public:
  /// REQUIRES: fault() of as many dimensions is empty.
  LycorisRotations(const Adapter& adapter, const AdapterModule& module, uint64_t outputs);

  uint64_t size() const { return size_; }                                               ///< of a block
  uint64_t count() const { return size_ == 0 ? 0 : values_.size() / (size_ * size_); }  ///< of blocks, of all stages
  SquareMatrix operator[](uint64_t index) const;
  static uint64_t memory(const Adapter& adapter, const AdapterModule& module);

  /// Of `oft_blocks` with so many dimensions, and `rescale` where the module has it.
  static std::string fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                           size_t dimensions);

 private:
  uint64_t size_;
  std::vector<float> values_;
  double held_ = 1;  // what Q is multiplied by
};

/// `rescale`, one number for each row, or none.
std::vector<float> read_rescale(const Adapter& adapter, const AdapterModule& module);

/// Multiplies the rows from `first` on by their numbers of `rescale`, if there are any.
void rescale_rows(std::span<const float> rescale, uint64_t first, uint64_t count, std::span<float> weight);

}  // namespace ckmerge
