// SPDX-License-Identifier: Apache-2.0
// Numbers about whole tensors, gathered by walks over the same steps ahead of the merge, and the coefficients that
// methods make of them: of each level (StatisticSet) in one walk, since what is reduced may hang on those before it.
// Sums are cut into blocks at multiples of kReductionBlock and block totals are added in order, whoever computed them,
// so that the bits depend on nothing but the tensor.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/plan/plan.h"
#include "core/read/source_read.h"
#include "core/threads/thread_pool.h"

namespace ckmerge {

/// Whether both reduce the same of the same tensors, in tiles of this size: their coefficients may differ. Their
/// headers differ by less than a tile, so that what one's tile needs the other's tile in this place, or the next, needs
/// as well.
bool share_statistics(const Plan& a, const Plan& b, uint64_t tile_size);

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

/// The results of the first pass, shared by all workers. A tensor's are there from its last block until the tiles that
/// need them are done, so that what is held does not grow with the file.
class Statistics {
 public:
  explicit Statistics(const Plan& plan);

  /// Whether any step may need statistics.
  bool wanted() const { return !plan_.statistics.empty(); }

  /// Those of the plan.
  size_t levels() const { return levels_; }

  /// Hands on to `other` what is added from now on: it is over the same tensors and reductions, and outlives this.
  void also_give(Statistics& other) { others_.push_back(&other); }

  /// Takes the totals of consecutive blocks of `step`, one number per reduction of the level and block. REQUIRES: those
  /// of lower levels are there.
  void add(uint32_t step, size_t level, uint64_t first_block, std::span<const double> totals);

  /// Waits until the coefficients of every step that overlaps `range` of the output are there, up to those of level
  /// `levels` - 1.
  void wait_for(ByteRange range, size_t levels, const ThreadPool& pool);

  /// By slot; those of levels that are not there yet are the recipe's. REQUIRES: wait_for() of a range that overlaps
  /// the step has returned, and release_before() did not pass it.
  std::vector<double> coefficients(uint32_t step) const;

  /// Lets go of all steps that end at or before `offset` of the output.
  void release_before(uint64_t offset);

 private:
  struct Sums {
    uint64_t next_block = 0;
    std::vector<double> values;                          // of the blocks before next_block
    std::map<uint64_t, std::vector<double>> early = {};  // totals from later blocks, by their first
  };
  struct State {
    size_t levels = 0;           // of which all blocks are there
    std::unique_ptr<Sums> sums;  // of the level that is gathered
    std::vector<double> coefficients;
  };
  static std::vector<double> given(const StatisticSet& set);
  static void complete(State& state, const StatisticSet& set, uint64_t count);
  bool ready(ByteRange range, size_t levels) const;

  const Plan& plan_;
  const size_t levels_;
  std::vector<Statistics*> others_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<uint32_t, State> states_;  // by step
  uint64_t released_ = 0;             // steps that end at or before this offset are complete, and gone
};

}  // namespace ckmerge
