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

/// A tensor of such an operand, as core/orders/wanted_orders.h puts it together: none is kept.
struct OrderedTensor {
  uint64_t begin = 0, size = 0, count = 0;  ///< its bytes, in the offsets that all of the operand share; elements
  uint32_t row = 0;                         ///< in the first of the term's inputs
  bool is_wide = false;                     ///< an input is of F64
  const MadeOperand* wanted = nullptr;      ///< that of many tensors: there are few, which outlive their readers
  uint64_t drawn_before = 0;                ///< of a draw: numbers that come before its first
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

/// MadeOperand::Kind::mask. BF16. What masks of a recipe hold, and how many threads make some, is shared by `operands`
/// of them; `all` is what this one would hold of all tensors.
std::unique_ptr<OrderSource> mask_source(OrderInputs inputs, size_t operands, uint64_t all);
/// Bytes that are held of the mask of a tensor of so many elements.
uint64_t held_mask_size(uint64_t count);

/// MadeOperand::Kind::torch_rank. F32. `operands` share how many threads make some.
std::unique_ptr<OrderSource> rank_source(OrderInputs inputs, size_t operands);

/// What the operands of a recipe share. Whole tensors are sorted one at a time, so that memory does not grow with the
/// number of operands but for the results.
struct SharedOrders {
  std::mutex turn = {};
  size_t sorted = 0;         ///< operands for which whole tensors are sorted
  size_t made_by_slabs = 0;  ///< those that are masks or ranks
};

/// MadeOperand::Kind::torch_stays, torch_stays_ascending and torch_variances. BF16, which holds 0 and 1 as well as
/// others do. Its memory is that of all operands which share it.
std::unique_ptr<OrderSource> stays_source(OrderInputs inputs, std::shared_ptr<SharedOrders> shared);

class DrawStates;
/// MadeOperand::Kind::draw. F32.
std::unique_ptr<OrderSource> draw_source(std::shared_ptr<DrawStates> states);

}  // namespace ckmerge
