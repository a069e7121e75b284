// SPDX-License-Identifier: Apache-2.0
// One worker's share of the first pass: the sums of products of the blocks that begin in a range of the output.
#pragma once

#include <optional>
#include <semaphore>
#include <span>
#include <vector>

#include "core/device/device_ring.h"
#include "core/engine/statistics.h"
#include "core/read/source_read.h"
#include "core/read/window_batch.h"
#include "core/threads/semaphore_lock.h"
#include "kernels/block_kernels.h"

namespace ckmerge {

class StatisticsWorker {
 public:
  struct Options {
    const BlockKernels* kernels = nullptr;
    uint64_t piece_size = 0;  ///< bytes of output whose inputs fit the windows
    bool drop_cache = false;
    std::counting_semaphore<>* semaphore = nullptr;
  };
  StatisticsWorker(const Plan& plan, std::span<const Checkpoint> checkpoints, WindowBatch& windows,
                   Statistics& statistics, Options options);

  /// Adds to the statistics every reduction block of a level whose first element's output lies in `range`. Throws
  /// Error(malformed | io). Devices sum where there is a ring; Error(resources) where one is required and fails.
  /// REQUIRES: the coefficients of lower levels are there.
  void compute(ByteRange range, size_t level, DeviceRing* ring = nullptr);

 private:
  /// Elements of a step whose inputs are mapped together; a block may take several pieces.
  struct Piece {
    uint32_t step;
    uint64_t begin, end;
    uint64_t first_block;   ///< of those that are added together
    bool first, last;       ///< of their pieces
    size_t first_read = 0;  ///< of those in the windows
  };
  /// The operands of a step's program, in the numbering of heads or of all elements.
  using Operands = std::span<const Operand>;

  void add_step(uint32_t index, ByteRange range);
  void add_piece(const Piece& piece);
  bool add_windows(const Piece& piece);
  void compute_pieces();
  void sum_piece(const Piece& piece);
  void start(const Piece& piece);
  std::span<const Reduction> reductions_of(const Piece& piece);
  template <typename Fn>
  void for_each_block(const Piece& piece, const ReducedElements& elements, const Fn& fn);
  void take_totals(const ReducedElements& elements, uint64_t end);
  size_t sum_on_device(DeviceRing& ring);
  bool send_piece(DeviceJob& job, const Piece& piece);
  void collect(DeviceSlot& slot, SemaphoreLock& computing, size_t& done, size_t end);
  void load_operands(const Step& step, ByteRange part);
  void add_block(std::span<const Reduction> reductions, const ReducedElements& elements, const Piece& piece,
                 uint64_t index, uint64_t end);
  /// What is reduced, of which operands, and where their elements stand.
  struct Values {
    const Program& value;
    const std::optional<Program>& factor;
    Operands operands;
    Places places;
  };
  void add_values(const Values& values, uint64_t first, uint64_t count, uint64_t index, LaneSums& sums);
  void add_rows(const Reduction& reduction, const StepRows& rows, const Piece& piece, uint64_t begin, uint64_t end,
                LaneSums& sums);
  bool has_whole_rows(const Reduction& reduction) const;

  const Plan& plan_;
  std::span<const Checkpoint> checkpoints_;
  WindowBatch& windows_;
  Statistics& statistics_;
  Options options_;
  std::vector<Piece> pieces_;
  std::vector<SourceRead> reads_;
  std::vector<Operand> heads_, all_;  // those that hold heads only have no meaning in `all_`
  std::vector<bool> whole_rows_;      // per operand
  DeviceRing* ring_ = nullptr;        // for the range at hand
  size_t level_ = 0;                  // likewise
  std::vector<Reduction> filled_;     // of the step at hand, with what hangs on it
  std::optional<uint32_t> filled_step_;
  std::vector<LaneSums> sums_;  // per reduction, of the block at hand
  std::vector<double> totals_;  // of the blocks before it that began in the range
};

}  // namespace ckmerge
