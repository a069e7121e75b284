// SPDX-License-Identifier: Apache-2.0
// What is known of the rows and columns of one tensor: what walks found of them, and the numbers that methods made of
// it. A row is done with where it ends, unless a reduction block ends in it; columns are at the end of a walk.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/lines/line_store.h"
#include "core/plan/plan.h"
#include "core/threads/thread_pool.h"
#include "kernels/lines.h"
#include "kernels/reductions.h"

namespace ckmerge {

/// What is found of columns is summed over so many blocks by itself, then added up in the order of these strips, so
/// that threads share the work. Wide tensors, whose strips would take megabytes, have one block in each.
constexpr uint64_t strip_blocks(const Lines& lines) { return lines.inner <= kReductionBlock ? 16 : 1; }

/// A method's reductions over lines in one walk.
struct LineRound {
  const TensorCoefficients* made = nullptr;  ///< what comes of them
  std::vector<size_t> reductions;            ///< of the set's
  Lines lines;
};

class TensorLines {
 public:
  /// REQUIRES: `set` and `store` outlive this.
  TensorLines(const StatisticSet& set, std::span<const uint64_t> shape, LineStore& store);

  /// Those of a level, in the order of the set.
  std::vector<LineRound> rounds(size_t level) const;
  /// By how many blocks workers have to share a walk.
  uint64_t blocks_at_once(size_t level) const;

  /// Before the first blocks of a walk, and after the last. `coefficients` are the tensor's, by slot. Throws
  /// Error(interrupted) once `pool`, if there is one, comes to an end.
  void begin_walk(size_t level);
  void end_walk(std::span<const double> coefficients, const ThreadPool* pool = nullptr);

  // Of a walk. `round` is the index of a round, `tensor` what TensorCoefficients::given became.

  /// Whole rows: of each reduction what was found of `count` rows from `first` on, at `skip` of its numbers.
  struct FoundRows {
    uint64_t first = 0;
    size_t count = 0, skip = 0;
    std::span<const std::vector<double>> numbers;
  };
  void put_rows(size_t round, const FoundRows& found, std::span<const double> tensor);
  /// What of a row lies in one block, of `elements` there.
  void put_row_part(size_t round, uint64_t row, uint64_t block, uint64_t elements, std::vector<double> numbers,
                    std::span<const double> tensor);

  /// Of each reduction what a strip has of the columns from `first` on. Waits for those strips before it that have the
  /// same columns, which were handed out before it: the caller holds nothing that their workers need.
  void wait_for_turn(size_t round, uint64_t strip, const ThreadPool& pool);
  void add_columns(size_t round, uint64_t first, size_t reduction, std::span<const double> numbers);
  void finish_turn(size_t round, uint64_t strip);

  /// The numbers of a line slot (Op::line).
  struct Slot {
    const LineTable* table = nullptr;
    size_t number = 0;
    Lines lines;
  };
  std::span<const Slot> slots() const { return slots_; }

 private:
  struct RowParts {
    uint64_t elements = 0;
    std::map<uint64_t, std::vector<double>> by_block;
  };
  struct Walk {
    LineRound round;
    LineTable* table = nullptr;          // of the method's numbers
    std::unique_ptr<LineTable> columns;  // sums, of columns alone
    std::map<uint64_t, RowParts> rows;   // those that blocks cut
    uint64_t first_undone = 0;           // strip
    std::map<uint64_t, bool> done;       // strips behind it
  };
  bool is_maximum(const Walk& walk, size_t reduction) const {
    return set_.reductions[walk.round.reductions[reduction]].how == Reduce::maximum;
  }

  const StatisticSet& set_;
  LineStore& store_;
  std::map<uint16_t, std::unique_ptr<LineTable>> tables_;  // by first slot
  std::vector<Slot> slots_;
  std::vector<uint64_t> shape_;
  uint64_t elements_ = 1;
  std::vector<std::unique_ptr<Walk>> walk_;  // by round of the level at hand

  std::mutex mutex_;  // guards rows and strips of walk_
  std::condition_variable changed_;
};

}  // namespace ckmerge
