// SPDX-License-Identifier: Apache-2.0
// What makes the bytes of operands that methods want beside their inputs (kernels/made_operand), a class for each kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/formula/whole_terms.h"
#include "core/threads/hands.h"
#include "io/table/checkpoint.h"
#include "kernels/made_operand.h"

namespace ckmerge {

/// The inputs of a term, all checkpoints, and what ends the making before it is done.
struct OrderInputs {
  std::vector<WholeInput> operands;
  std::shared_ptr<const std::vector<Checkpoint>> checkpoints;
  Hands hands = {};

  const Checkpoint& first() const { return (*checkpoints)[operands[0].input]; }
};

/// A tensor of such an operand.
struct OrderedTensor {
  uint64_t begin = 0, size = 0, count = 0;  ///< its bytes, in the offsets that all of the operand share; elements
  uint32_t row = 0;                         ///< in the first of the term's inputs
  bool is_wide = false;                     ///< an input is of F64
  MadeOperand wanted = {};
  uint64_t drawn_before = 0;  ///< of a draw: numbers that come before its first
};

class OrderSource {
 public:
  virtual ~OrderSource() = default;
  virtual Dtype dtype() const = 0;
  /// Bytes of `tensor` from `begin` on, counted from its first. Thread-safe; throws as InputFile::read_at() and
  /// Hands::check() do.
  virtual void read(const OrderedTensor& tensor, uint64_t begin, std::span<std::byte> out) = 0;
  /// Bytes that are held while it is read, however many threads do.
  virtual uint64_t memory(const OrderedTensor& tensor) const = 0;
};

/// MadeOperand::Kind::rank and torch_rank. F32.
std::unique_ptr<OrderSource> rank_source(OrderInputs inputs);

/// What the operands of a recipe share for which whole tensors are sorted: one is at a time, so that memory does not
/// grow with their number but for the results.
struct SortTurn {
  std::mutex mutex = {};
  size_t operands = 0;
};

/// MadeOperand::Kind::torch_stays and torch_stays_ascending. BF16, which holds 0 and 1 as well as others do. Its memory
/// is that of all operands which have the same `turn`.
std::unique_ptr<OrderSource> stays_source(OrderInputs inputs, std::shared_ptr<SortTurn> turn);

class DrawStates;
/// MadeOperand::Kind::draw. F32.
std::unique_ptr<OrderSource> draw_source(std::shared_ptr<DrawStates> states);

}  // namespace ckmerge
