// SPDX-License-Identifier: Apache-2.0
// What is known of the reductions of one tensor while walks go over it. Numbers of blocks are brought together in the
// order of the blocks, whoever found them and when, so that the bits of sums depend on nothing but the tensor.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/engine/magnitude_cut.h"
#include "core/plan/plan.h"
#include "core/plan/step_rows.h"

namespace ckmerge {

/// How the elements of a step are numbered in its reductions: all of them, or those of the heads alone.
struct ReducedElements {
  StepRows rows;
  bool heads_only = false;
  uint64_t count = 0;

  uint64_t index_of(uint64_t element) const { return heads_only ? rows.heads_before(element) : element; }
  uint64_t element_of(uint64_t index) const { return heads_only ? rows.element_of_head(index) : index; }
  uint64_t blocks() const { return (count + kReductionBlock - 1) / kReductionBlock; }
};
ReducedElements reduced_elements(const Plan& plan, const Step& step);

/// What a walk is to find of one reduction.
struct Sought {
  /// number: what the reduction is of a block. equals: how many elements of a block have the magnitude `key`. place:
  /// which element is the nth of them in `block` alone. digit: counts of it, of any elements in any order. nonzero: how
  /// many are not 0, of a cut whose share is of these. lines: of rows or columns, which TensorLines takes.
  enum class Kind : uint8_t { number, digit, equals, place, nonzero, lines };
  size_t reduction = 0;  ///< of the set's
  Kind kind = Kind::number;
  Digit digit = {};
  uint64_t key = 0, block = 0, nth = 0;
};

class ReducedTensor {
 public:
  /// REQUIRES: `set` outlives this.
  ReducedTensor(const StatisticSet& set, const ReducedElements& elements);

  /// The walk that is on; that of no level once all are done.
  size_t level() const { return level_; }
  const std::vector<Sought>& sought() const { return sought_; }
  /// The blocks that it goes over; empty: all.
  const std::vector<uint64_t>& only_blocks() const { return only_; }

  void add_digits(size_t sought, std::span<const uint32_t> counts) { digits_[sought].add(counts); }
  /// Takes what was found in consecutive blocks that the walk goes over, for each block one number of all that is
  /// sought: of a digit none that counts, of a place the element's, or -1 in another block. Whether these were the
  /// last.
  bool add(uint64_t first_block, std::span<const double> found);

  /// After add() said so, and as long as nothing is sought: ends the walk, and begins the next.
  void end_walk();

  /// Appends the numbers of a reduction. REQUIRES: its walks are done.
  void put_numbers(size_t reduction, std::vector<double>& out) const;

 private:
  void begin_walk();
  void take(uint64_t block, std::span<const double> found);
  void keep(size_t reduction, uint64_t count);
  Sought sought_of_cut(size_t reduction) const;
  uint64_t blocks() const { return only_.empty() ? elements_.blocks() : only_.size(); }

  const StatisticSet& set_;
  const ReducedElements elements_;
  size_t level_ = 0;
  std::vector<double> numbers_;                    // by reduction; of cuts how many elements are not 0
  std::vector<std::optional<MagnitudeCut>> cuts_;  // by reduction
  // Of the walk:
  std::vector<Sought> sought_;
  std::vector<DigitCounts> digits_;  // by what is sought
  std::vector<uint64_t> only_;
  uint64_t next_block_ = 0;                             // of those that it goes over, by their order
  std::map<uint64_t, std::vector<double>> early_ = {};  // of later ones
};

}  // namespace ckmerge
