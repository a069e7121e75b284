// SPDX-License-Identifier: Apache-2.0
// Computing one tile: a range of the output file's bytes from the plan and the inputs alone (DESIGN: "every range of
// the output is a pure function of the inputs").
#pragma once

#include <cstdint>
#include <map>
#include <semaphore>
#include <set>
#include <span>
#include <vector>

#include "core/plan.h"
#include "io/input_windows.h"
#include "kernels/block_kernels.h"

namespace ckmerge {

/// Half-open range of bytes of the output file.
struct ByteRange {
  uint64_t begin = 0, end = 0;
  uint64_t size() const { return end - begin; }
};

/// What was noticed about steps while their tiles were computed; the sum over tiles does not depend on their order.
struct Findings {
  std::map<uint32_t, StoreCounts> losses;  ///< by step, only where something was lost
  std::set<uint32_t> differing;            ///< compared steps whose sources differ

  void add(const Findings& other);
};

/// One worker's view of a run. Computes tiles one after another, each in batches whose inputs fit `window_size`.
class TileWorker {
 public:
  /// `permits` are held while a batch computes, not while its inputs are read.
  struct Options {
    const BlockKernels* kernels = nullptr;
    uint64_t window_size = 0;
    bool drop_cache = false;
    std::counting_semaphore<>* permits = nullptr;
  };
  TileWorker(const Plan& plan, std::span<const Checkpoint> checkpoints, Options options);

  /// Fills `out` with the bytes of `range`. REQUIRES: out.size() == range.size(), and a border of `range` inside a
  /// tensor falls between elements (multiples of 8 from the start of the file do). Throws Error(malformed | io).
  void compute(ByteRange range, std::span<std::byte> out);

  const Findings& findings() const { return findings_; }

 private:
  /// Bytes of one input that a batch needs, and where they are once they are mapped.
  struct Window {
    const InputFile* file;
    uint64_t begin, end;
    const std::byte* bytes = nullptr;
  };

  size_t first_step_after(uint64_t offset) const;
  uint64_t gather(ByteRange range);
  bool add_step_windows(const Step& step, ByteRange part);
  void add_window(Source source, ByteRange bytes);
  void map_windows();
  void compute_batch(ByteRange batch, std::byte* out);
  void copy_part(uint32_t index, ByteRange part, std::byte* out);
  void run_part(uint32_t index, ByteRange part, std::byte* out);
  template <typename Visit>
  void for_each_source_read(const Step& step, ByteRange part, const Visit& visit) const;
  const std::byte* next_source_bytes(ByteRange bytes);
  Tensor tensor_of(Source source) const { return checkpoints_[source.checkpoint].tensors[source.tensor]; }

  const Plan& plan_;
  std::span<const Checkpoint> checkpoints_;
  Options options_;
  Findings findings_;
  InputWindows inputs_;
  std::vector<Window> windows_;
  std::vector<uint32_t> window_of_;  ///< indices into windows_, in the order in which the batch reads its sources
  size_t sources_read_ = 0;          ///< of window_of_, while the batch is computed
  std::vector<size_t> last_window_;  ///< per checkpoint: its latest window, which the next range usually continues
  uint64_t footprint_ = 0;           ///< of windows_
  std::vector<Operand> operands_;
};

}  // namespace ckmerge
