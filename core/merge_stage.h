// SPDX-License-Identifier: Apache-2.0
// The stage that writes the output: workers take tiles and ranges of statistics from one list until all is written.
#pragma once

#include <mutex>
#include <semaphore>
#include <span>
#include <string_view>

#include "core/cache_policy.h"
#include "core/crew.h"
#include "core/output_digest.h"
#include "core/range_checksums.h"
#include "core/statistics.h"
#include "core/tile.h"
#include "core/tile_sizing.h"
#include "core/work_queue.h"
#include "io/output_file.h"

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
  OutputDigest* digest = nullptr;       ///< null: the output is not hashed
};

class MergeStage {
 public:
  explicit MergeStage(const MergeSetting& setting);

  /// How many tiles lie between the statistics that are gathered and the tiles that need them: enough for every worker
  /// to have a tile that waits for none.
  static unsigned lookahead(const TileSizing& sizing) { return sizing.tiles_in_flight; }

  /// Returns when every byte is written; throws the first error.
  void run();

  const Findings& findings() const { return findings_; }

 private:
  void work();
  void write_tile(TileWorker& worker, ByteRange tile, std::span<std::byte> out);

  const MergeSetting setting_;
  Crew crew_;
  std::counting_semaphore<> permits_;
  Statistics statistics_;
  WorkQueue queue_;
  std::mutex mutex_;  // guards what follows
  Findings findings_;
};

}  // namespace ckmerge
