// SPDX-License-Identifier: Apache-2.0
// One worker's share of the statistics: what is found in the blocks that begin in a range of the output.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/device/device_ring.h"
#include "core/engine/block_findings.h"
#include "core/engine/line_findings.h"
#include "core/engine/statistics.h"
#include "core/lines/line_window.h"
#include "core/read/source_read.h"
#include "core/read/window_batch.h"
#include "core/threads/semaphore.h"
#include "core/threads/semaphore_lock.h"
#include "kernels/block_kernels.h"

namespace ckmerge {

class StatisticsWorker {
 public:
  struct Options {
    const BlockKernels* kernels = nullptr;
    uint64_t piece_size = 0;  ///< bytes of output whose inputs fit the windows
    bool drop_cache = false;
    Semaphore* semaphore = nullptr;
    const ThreadPool* pool = nullptr;  ///< of whoever else gathers
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
    uint64_t first_block;   ///< of those that are added together, a run
    bool first, last;       ///< of their pieces
    size_t first_read = 0;  ///< of those in the windows
  };

  void add_step(uint32_t index, ByteRange range);
  void add_run(uint32_t index, const ReducedElements& elements, uint64_t first_block, uint64_t end_block);
  void add_piece(const Piece& piece);
  bool add_windows(const Piece& piece);
  bool any_has_lines() const;
  void compute_pieces();
  void compute_piece(const Piece& piece, SemaphoreLock& computing);
  void count_digits_of(const Piece& piece, const ReducedElements& elements);
  void fill(uint32_t step);
  void start(const Piece& piece);
  template <typename Fn>
  void for_each_block(const Piece& piece, const ReducedElements& elements, const Fn& fn);
  void take_block(const ReducedElements& elements, uint64_t end);
  size_t sum_on_device(DeviceRing& ring);
  bool send_piece(DeviceJob& job, const Piece& piece);
  void collect(DeviceSlot& slot, SemaphoreLock& computing, size_t& done, size_t end);
  void load_operands(const Piece& piece);

  const Plan& plan_;
  std::span<const Checkpoint> checkpoints_;
  WindowBatch& windows_;
  Statistics& statistics_;
  Options options_;
  std::vector<Piece> pieces_;
  std::vector<SourceRead> reads_;
  PieceOperands operands_;
  DeviceRing* ring_ = nullptr;  // for the range at hand
  size_t level_ = 0;            // likewise
  // Of the step at hand: what is sought, and the reductions of it, filled with what hangs on the tensor.
  std::optional<uint32_t> filled_step_;
  std::vector<Sought> sought_;
  std::vector<Reduction> reductions_;
  BlockFindings block_;
  LineFindings of_lines_;
  LineWindow line_window_;
  std::vector<double> found_;  // in the blocks before it that began in the run
  DigitTables digits_;
};

}  // namespace ckmerge
