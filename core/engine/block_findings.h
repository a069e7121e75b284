// SPDX-License-Identifier: Apache-2.0
// What a walk finds of a tensor in one block of its elements after another.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/piece_operands.h"
#include "core/engine/reduced_tensor.h"
#include "kernels/block_kernels.h"
#include "kernels/reductions.h"

namespace ckmerge {

/// A worker's counts of one digit, in the tables that kernels fill; of few elements in one, which is sooner added up
/// than filled faster.
class DigitTables {
 public:
  /// Begins with 0 of everything, for about so many elements.
  void begin(uint64_t elements);
  void count(const BlockKernels& kernels, const ReducedValues& values, const Digit& digit);
  /// The counts. They are valid until the next begin().
  std::span<const uint32_t> sums();

 private:
  std::vector<uint32_t> tables_;  // none until they are needed
  size_t apart_ = 0;
};

/// Of the block at hand. A block may come in parts, in their order.
class BlockFindings {
 public:
  void begin(std::span<const Sought> sought);

  /// Adds elements [index, end), which lie in one block. `reductions` are those that are sought.
  void add(const BlockKernels& kernels, std::span<const Reduction> reductions, const ReducedElements& elements,
           const PieceOperands& operands, uint64_t index, uint64_t end);

  /// Appends the numbers of the block (ReducedTensor::add()), and begins the next.
  void take(std::span<const Reduction> reductions, std::vector<double>& out);

  /// Of sums alone: those of the block at hand.
  size_t count() const { return parts_.size(); }
  LaneSums& sums(size_t sought) { return parts_[sought].sums; }

 private:
  struct Part {
    Sought sought;
    LaneSums sums = {};
    uint64_t number = 0;  // of others than sums; of a place how many are still to come
    double place = -1;
  };
  static double number_of(const Part& part, const Reduction& reduction);
  static void add_run(const BlockKernels& kernels, const Reduction& reduction, const ReducedElements& elements,
                      const ValueRun& run, Part& part);

  std::vector<Part> parts_;
};

}  // namespace ckmerge
