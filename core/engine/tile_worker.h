// SPDX-License-Identifier: Apache-2.0
// Computing one tile: a range of the output file's bytes from the plan and the inputs alone ("every range of the
// output is a pure function of the inputs": ARCHITECTURE.md), given the statistics.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/device/device_batch.h"
#include "core/engine/kept_energy.h"
#include "core/engine/statistics.h"
#include "core/lines/line_window.h"
#include "core/plan/step_report.h"
#include "core/read/source_read.h"
#include "core/read/window_batch.h"
#include "core/threads/semaphore.h"
#include "kernels/block_kernels.h"

namespace ckmerge {

/// One worker's view of a run. Computes tiles one after another, each in batches whose inputs fit `windows`.
class TileWorker {
 public:
  struct Options {
    const BlockKernels* kernels = nullptr;
    bool drop_cache = false;
    std::span<const std::string> headers;  ///< of the output's files, as long as the plan's
    Semaphore* semaphore = nullptr;
    /// Shown the windows of every batch before it is computed, and the output that they are for.
    std::function<void(ByteRange, const WindowBatch&)> on_windows = {};
    const Statistics* statistics = nullptr;  ///< whatever a tile needs of them is there before it is computed
    KeptEnergy* energy = nullptr;            ///< null: nothing is measured

    /// Copies what `range` holds of the header of its file to `out`, and returns where in the output the rest begins.
    uint64_t put_header(const Plan& plan, ByteRange range, std::byte* out) const;
  };
  TileWorker(const Plan& plan, std::span<const Checkpoint> checkpoints, WindowBatch& windows, Options options);

  /// Fills `out` with the bytes of `range`, which lies in one file. REQUIRES: out.size() == range.size(), and a border
  /// of `range` inside a tensor falls between elements (multiples of 8 from the start of the file do). Devices compute
  /// it where there is a ring, and then `out` is pinned. Throws Error(malformed | io); Error(resources) where a device
  /// is required and fails.
  void compute(ByteRange range, std::span<std::byte> out, DeviceRing* ring = nullptr);

  const StepReport& step_report() const { return step_report_; }

 private:
  uint64_t gather(ByteRange range);
  void compute_mapped(ByteRange batch, std::byte* out, DeviceRing* ring);
  bool is_worth_sending(ByteRange batch) const;
  bool compute_on_device(ByteRange batch, std::byte* out, DeviceRing& ring);
  template <typename Fn>
  void for_each_part(ByteRange batch, const Fn& fn) const;
  void compute_batch(ByteRange batch, std::byte* out);
  void note_zeros(ByteRange batch, const std::byte* out);
  void note_energies();
  void compute_part(uint32_t index, ByteRange part, std::byte* out);
  void copy_part(uint32_t index, ByteRange part, std::byte* out);
  bool send_part(uint32_t index, ByteRange part, std::byte* out);
  const cuda::TileProgram& tile_program(const Step& step);
  void run_and_judge(const Program& program, size_t operand, uint64_t first, uint64_t count, std::byte* out,
                     Dtype dtype, StoreCounts& counts, const Places& places) const;
  void run_whole(const Step& step, ByteRange part, std::byte* out, StoreCounts& counts);
  void run_rows(const Step& step, ByteRange part, std::byte* out, StoreCounts& counts);
  void measure(uint32_t index, ByteRange part, const std::byte* out);
  void load_operands();
  void load_programs(uint32_t index);
  const Program* filled(uint32_t index, uint16_t program, Program& into) const;

  const Plan& plan_;
  std::span<const Checkpoint> checkpoints_;
  WindowBatch& windows_;
  Options options_;
  StepReport step_report_;
  std::vector<SourceRead> reads_;
  std::vector<Operand> operands_;
  std::vector<uint8_t> are_made_;     // whether they are beyond range (is_beyond_range()); empty: none of them is
  const Program* program_ = nullptr;  // of the step being computed, its slots filled; null: a copy
  const Program* tail_ = nullptr;     // likewise
  Rounding rounding_;                 // likewise
  Program filled_program_, filled_tail_, filled_base_, filled_added_;
  struct PartEnergy {
    uint32_t step;
    uint64_t count;  // of elements
    PairedSums sums;
  };
  std::vector<PartEnergy> energies_;                             // of the batch being computed
  LineWindow line_window_;                                       // of the step being computed
  std::vector<std::byte> heads_, tails_;                         // computed rows on their way to being woven
  DeviceBatch* device_ = nullptr;                                // of the batch being computed; null: the CPU does it
  std::vector<std::optional<cuda::TileProgram>> tile_programs_;  // of the plan's programs, once they were sent
  cuda::TileProgram filled_tile_program_;
};

}  // namespace ckmerge
