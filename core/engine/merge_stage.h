// SPDX-License-Identifier: Apache-2.0
// The stage that writes the output: workers take tiles and ranges of statistics from one list until all is written.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <span>
#include <string_view>

#include "core/device/device_backend.h"
#include "core/engine/input_digest.h"
#include "core/engine/output_digest.h"
#include "core/engine/range_checksums.h"
#include "core/engine/seals.h"
#include "core/engine/statistics.h"
#include "core/engine/tile_worker.h"
#include "core/engine/work_queue.h"
#include "core/read/cache_policy.h"
#include "core/read/staging.h"
#include "core/read/tile_sizing.h"
#include "core/threads/thread_pool.h"
#include "io/file/output_file.h"

namespace ckmerge {

/// What a merge is told; everything outlives it.
struct MergeSetting {
  const Plan& plan;
  std::span<const Checkpoint> checkpoints;
  const RunOptions& options;
  const BlockKernels& kernels;
  TileSizing sizing;
  CachePolicy cache;
  std::string_view header;  ///< of the output
  OutputFile& output;
  RangeChecksums* checksums = nullptr;  ///< null: nothing will be compared
  OutputDigest* digest = nullptr;       ///< null: the output is not hashed here
  Seals* seals = nullptr;               ///< null: the frame has none; is fed
  DeviceBackend& devices;
  InputDigest* inputs = nullptr;  ///< not null: is fed, and the tiles with the header wait for write_held()
};

class MergeStage {
 public:
  explicit MergeStage(const MergeSetting& setting);

  /// How many tiles lie between the statistics that are gathered and the tiles that need them: enough for every worker
  /// to have a tile that waits for none.
  static unsigned lookahead(const TileSizing& sizing) { return sizing.tiles_in_flight; }

  /// Returns when every byte is written, or held; throws the first error.
  void run();

  /// Writes the tiles that were held, with `header`, which is as long as the setting's, in front.
  void write_held(std::string_view header);

  const StepReport& step_report() const { return step_report_; }

 private:
  void work();
  std::function<void(ByteRange, const WindowBatch&)> feed_inputs();
  std::shared_ptr<DeviceRing> ring_for(ByteRange tile, Staging& staging, std::unique_ptr<PinnedMemory>& pinned);
  void finish_tile(ByteRange tile, std::span<std::byte> out);
  void add_frame(ByteRange tile, std::span<std::byte> out);
  void write(ByteRange tile, std::span<const std::byte> out);

  const MergeSetting setting_;
  ThreadPool pool_;
  std::counting_semaphore<> semaphore_;
  Statistics statistics_;
  WorkQueue queue_;
  const uint64_t held_size_;     // bytes from the file's start, whole tiles
  std::optional<Staging> held_;  // they
  std::mutex mutex_;             // guards what follows
  StepReport step_report_;
};

}  // namespace ckmerge
