// SPDX-License-Identifier: Apache-2.0
// The stage that writes the output: workers take tiles and ranges of statistics from one list until all is written.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <semaphore>
#include <span>
#include <string>

#include "core/device/device_backend.h"
#include "core/engine/input_digest.h"
#include "core/engine/output_part.h"
#include "core/engine/statistics.h"
#include "core/engine/tile_worker.h"
#include "core/engine/work_queue.h"
#include "core/read/cache_policy.h"
#include "core/read/staging.h"
#include "core/read/tile_sizing.h"
#include "core/threads/thread_pool.h"

namespace ckmerge {

/// What a merge is told; everything outlives it.
struct MergeSetting {
  const Plan& plan;
  std::span<const Checkpoint> checkpoints;
  const RunOptions& options;
  const BlockKernels& kernels;
  TileSizing sizing;
  CachePolicy cache;
  std::span<const std::string> headers;  ///< of the output's files
  std::deque<OutputPart>& parts;         ///< the output's files, prepared
  DeviceBackend& devices;
  InputDigest* inputs = nullptr;  ///< not null: gets what is read, and tiles with the header wait for write_held()
};

class MergeStage {
 public:
  explicit MergeStage(const MergeSetting& setting);

  /// How many tiles lie between the statistics that are gathered and the tiles that need them: enough for every worker
  /// to have a tile that waits for none.
  static unsigned lookahead(const TileSizing& sizing) { return sizing.tiles_in_flight; }

  /// Returns when every byte is written, or held; throws the first error.
  void run();

  /// Writes the tiles that were held, with `headers`, which are as long as the setting's, in front of each file.
  void write_held(std::span<const std::string> headers);

  const StepReport& step_report() const { return step_report_; }

 private:
  void work();
  std::function<void(ByteRange, const WindowBatch&)> feed_inputs();
  std::shared_ptr<DeviceRing> ring_for(ByteRange tile, Staging& staging, std::unique_ptr<PinnedMemory>& pinned);
  void finish_tile(ByteRange tile, std::span<std::byte> out);

  const MergeSetting setting_;
  ThreadPool pool_;
  std::counting_semaphore<> semaphore_;
  Statistics statistics_;
  WorkQueue queue_;
  std::mutex mutex_;  // guards what follows
  StepReport step_report_;
};

}  // namespace ckmerge
