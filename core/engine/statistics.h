// SPDX-License-Identifier: Apache-2.0
// Numbers about whole tensors, gathered by walks over the same steps ahead of the merge, and the coefficients that
// methods make of them: of each level (StatisticSet) in one walk, since what is reduced may hang on those before it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/engine/reduced_tensor.h"
#include "core/lines/model_numbers.h"
#include "core/lines/tensor_lines.h"
#include "core/plan/plan.h"
#include "core/read/source_read.h"
#include "core/threads/thread_pool.h"

namespace ckmerge {

/// Whether both reduce the same of the same tensors, in tiles of this size: their coefficients may differ. Their
/// headers differ by less than a tile, so that what one's tile needs the other's tile in this place, or the next, needs
/// as well.
bool share_statistics(const Plan& a, const Plan& b, uint64_t tile_size);

/// The results of the first pass, shared by all workers. A tensor's are there from its last block until the tiles that
/// need them are done, so that what is held does not grow with the file.
class Statistics {
 public:
  /// Where rows or columns have numbers `checkpoints` say their shapes, and `lines` holds them; both outlive this, and
  /// so does `pool`. Once that comes to an end, what takes long of such numbers throws Error(interrupted).
  explicit Statistics(const Plan& plan, std::span<const Checkpoint> checkpoints = {}, LineStore* lines = nullptr,
                      const ThreadPool* pool = nullptr);

  /// Whether any step may need statistics.
  bool wanted() const { return !plan_.statistics.empty(); }

  /// Those of the plan.
  size_t levels() const { return levels_; }

  /// Hands on to `other` what is found from now on: it is over the same tensors and reductions, and outlives this.
  void also_give(Statistics& other) { others_.push_back(&other); }

  /// What is to be found of `step` on this level, as the walk over it begins or goes on; nothing where its tensor
  /// turned out to need no such walk. REQUIRES: what lower levels find is there.
  struct Walk {
    std::vector<Sought> sought;
    std::vector<uint64_t> only_blocks;  ///< empty: all
    uint64_t blocks_at_once = 1;        ///< which go to one worker, since lines are cut in them
  };
  Walk walk(uint32_t step, size_t level);

  /// Adds counts of the digit that is sought as the i-th.
  void add_digits(uint32_t step, size_t sought, std::span<const uint32_t> counts);

  /// Takes what was found in consecutive blocks (ReducedTensor::add()) of a walk that seeks something, after the counts
  /// of their digits.
  void add(uint32_t step, uint64_t first_block, std::span<const double> found);

  /// Waits until the coefficients of every step that overlaps `range` of the output are there, up to those of level
  /// `levels` - 1.
  void wait_for(ByteRange range, size_t levels, const ThreadPool& pool);

  /// By slot; those of levels that are not there yet are the recipe's. REQUIRES: as lines().
  std::vector<double> coefficients(uint32_t step) const;

  /// What is known of the rows and columns of the step; null: nothing is wanted of them. Until release_before() passes
  /// it. REQUIRES: the caller has blocks of the step to add, or has waited for its tile.
  TensorLines* lines(uint32_t step) const;

  /// Lets go of all steps that end at or before `offset` of the output.
  void release_before(uint64_t offset);

 private:
  struct State {
    size_t levels = 0;                            // of which all is there
    std::unique_ptr<ReducedTensor> reduced = {};  // until all is; of others' null
    std::unique_ptr<TensorLines> lines = {};
    std::vector<double> coefficients;
  };
  struct ModelPart {
    const TensorCoefficients* made = nullptr;
    std::vector<LineColumn> columns = {};
  };
  void count_model_steps();
  void finish_model(size_t level);
  State& state_of(uint32_t step);
  void begin(uint32_t step, State& state);
  bool finds_nothing(uint32_t step, const State& state) const;
  void end_walk(uint32_t step, State& state);
  void take(uint32_t step, size_t level, std::span<const double> numbers);
  void complete(State& state, uint32_t step, size_t level, std::span<const double> numbers);
  bool is_released(const Step& step) const { return step.offset + step.size <= released_; }
  bool ready(ByteRange range, size_t levels) const;

  const Plan& plan_;
  const std::span<const Checkpoint> checkpoints_;
  LineStore* const line_store_;
  const ThreadPool* const pool_;
  const size_t levels_;
  std::vector<Statistics*> others_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<uint32_t, State> states_;  // by step
  uint64_t released_ = 0;             // offset of the output
  std::vector<uint64_t> model_left_;  // by level: steps without which the model's numbers are not there
};

}  // namespace ckmerge
