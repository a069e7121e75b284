// SPDX-License-Identifier: Apache-2.0
// The stage that writes the outputs: workers take tiles and ranges of statistics from one list until all is written.
// Several outputs are made in turn, tile by tile, so that what one has read the next finds in the page cache.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "core/device/device_backend.h"
#include "core/engine/input_digest.h"
#include "core/engine/kept_energy.h"
#include "core/engine/output_part.h"
#include "core/engine/statistics.h"
#include "core/engine/tile_worker.h"
#include "core/engine/work_queue.h"
#include "core/read/cache_policy.h"
#include "core/read/staging.h"
#include "core/read/tile_sizing.h"
#include "core/threads/semaphore.h"
#include "core/threads/thread_pool.h"

namespace ckmerge {

/// One output of a run; everything outlives it.
struct MergedOutput {
  const Plan& plan;
  std::span<const std::string> headers;  ///< of its files
  std::deque<OutputPart>& parts;         ///< its files, prepared
  InputDigest* inputs = nullptr;  ///< not null: gets what is read, and tiles with the header wait for write_held()
};

/// What a merge is told; everything outlives it.
struct MergeSetting {
  std::span<const MergedOutput> outputs;  ///< over the same checkpoints
  std::span<const Checkpoint> checkpoints;
  const RunOptions& options;
  const BlockKernels& kernels;
  TileSizing sizing;
  CachePolicy cache;
  const std::string& target;  ///< beside which scratch files lie
  DeviceBackend& devices;     ///< of the only output; where there are several, it has no ring
};

class MergeStage {
 public:
  explicit MergeStage(const MergeSetting& setting);

  /// How many tiles lie between the statistics that are gathered and the tiles that need them: enough for every worker
  /// to have a tile that waits for none.
  static unsigned lookahead(const TileSizing& sizing) { return sizing.tiles_in_flight; }

  /// Returns when every byte is written, or held; throws the first error.
  void run();

  /// Writes the tiles of output `k` that were held, with `headers`, which are as long as the setting's, in front of
  /// each file.
  void write_held(size_t k, std::span<const std::string> headers);

  const StepReport& step_report(size_t k) const { return outputs_[k].step_report; }
  const KeptEnergy& energy(size_t k) const { return outputs_[k].energy; }

 private:
  // One output while it is made.
  struct Output {
    Output(const MergedOutput& output, const MergeSetting& setting, Output* gatherer, LineStore& lines,
           const ThreadPool& pool);

    const MergedOutput& output;
    Statistics statistics;
    WorkQueue queue;
    KeptEnergy energy;
    StepReport step_report = {};  // guarded by mutex_
  };
  struct Unit {
    size_t output;
    WorkQueue::Unit unit;
  };
  class Worker;

  static uint64_t total_size(std::span<const MergedOutput> outputs);
  size_t last_reader() const;
  Output* gatherer_of(const Plan& plan);
  void work();
  std::optional<Unit> next();
  std::function<void(ByteRange, const WindowBatch&)> feed_inputs(const MergedOutput& output);
  std::shared_ptr<DeviceRing> ring_for(ByteRange tile, Staging& staging, std::unique_ptr<PinnedMemory>& pinned);
  void finish_tile(Output& output, ByteRange tile, std::span<std::byte> out);

  const MergeSetting setting_;
  LineStore line_store_;
  ThreadPool pool_;
  Semaphore semaphore_;
  std::deque<Output> outputs_;
  std::mutex mutex_;  // guards what follows
  size_t turn_ = 0;   // whose next unit is handed out
};

}  // namespace ckmerge
