// SPDX-License-Identifier: Apache-2.0
// Operands that are made slab by slab (core/orders/ranked_lines.h), some of them at a time: a strip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "core/orders/held_strips.h"
#include "core/orders/order_source.h"
#include "core/orders/ranked_lines.h"
#include "core/threads/semaphore.h"

namespace ckmerge {

/// How many threads make strips of one of so many operands at once: together as many as compute, but their memory is
/// what the plan tells, and more than eight are seldom waited for.
ptrdiff_t slab_makers(const Hands& hands, size_t operands);

class SlabSource : public OrderSource {
 public:
  void read(const OrderedTensor& tensor, uint64_t begin, std::span<std::byte> out) override;
  uint64_t memory(const OrderedTensor& tensor) const override;

 protected:
  /// As many as `makers` threads make strips at once; `capacity`: bytes that strips take beyond those that tiles meet
  /// in.
  SlabSource(OrderInputs inputs, ptrdiff_t makers, uint64_t capacity)
      : inputs_(std::move(inputs)),
        makers_(makers),
        capacity_(capacity),
        strips_(capacity, kRecent),
        large_(0, kRecentLarge),
        making_(makers) {}

  const OrderInputs& inputs() const { return inputs_; }
  Tensor tensor_of(const OrderedTensor& tensor) const { return inputs_.first().tensors[tensor.row]; }
  RankedLines lines_of(const OrderedTensor& tensor) const {
    return RankedLines(tensor_of(tensor).shape, tensor.wanted->mask.of_whole);
  }
  // Slabs of more elements, such as stacked experts, are made by themselves: several would take too much. Tiles go back
  // and forth between two.
  static bool are_large(const RankedLines& lines) { return lines.slab() > kLargeSlab; }

 private:
  /// `count` slabs from `slab` on, as they are held. Thread-safe; throws as OrderSource::read().
  virtual std::vector<std::byte> make(const OrderedTensor& tensor, uint64_t slab, uint64_t count) = 0;
  /// Bytes of the operand from `begin` on, counted from the first of those slabs.
  virtual void put(std::span<const std::byte> held, uint64_t begin, std::span<std::byte> out) const = 0;
  /// Bytes of so many elements as they are held, and those that one make() of `count` slabs takes.
  virtual uint64_t held_size(uint64_t elements) const = 0;
  virtual uint64_t making_memory(const OrderedTensor& tensor, uint64_t count) const = 0;

  std::vector<std::byte> made(const OrderedTensor& tensor, uint64_t strip);

  // Tiles that are read at one time meet in so many strips, and the ends of two in one.
  static constexpr size_t kRecent = 16;
  static constexpr uint64_t kLargeSlab = 64 << 10;
  static constexpr size_t kRecentLarge = 2;

  const OrderInputs inputs_;
  const ptrdiff_t makers_;
  const uint64_t capacity_;
  HeldStrips strips_, large_;
  std::mutex alone_;  // for who makes a large slab, and takes the turns of all
  Semaphore making_;
};

}  // namespace ckmerge
