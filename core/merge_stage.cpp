// SPDX-License-Identifier: Apache-2.0
#include "core/merge_stage.h"

#include <optional>

#include "core/staging.h"
#include "core/statistics_worker.h"

namespace ckmerge {

MergeStage::MergeStage(const MergeSetting& setting)
    : setting_(setting),
      crew_(setting.options, Stage::merge, setting.plan.file_size),
      permits_(setting.sizing.threads),
      statistics_(setting.plan, setting.checkpoints.size()),
      queue_(setting.plan, setting.sizing.tile_size, statistics_.wanted(), lookahead(setting.sizing)) {}

void MergeStage::run() {
  crew_.run(setting_.sizing.tiles_in_flight, [this] { work(); });
}

void MergeStage::work() {
  const MergeSetting& setting = setting_;
  Staging staging(setting.sizing.tile_size);
  WindowBatch windows(setting.checkpoints, setting.sizing.window_size);
  StatisticsWorker gatherer(setting.plan, setting.checkpoints, windows, statistics_,
                            {.kernels = &setting.kernels,
                             .piece_size = setting.sizing.tile_size,
                             .drop_cache = setting.cache.drop_behind_statistics,
                             .permits = &permits_});
  TileWorker worker(setting.plan, setting.checkpoints, windows,
                    {.kernels = &setting.kernels,
                     .drop_cache = setting.cache.drop_behind_tiles,
                     .header = setting.header,
                     .permits = &permits_,
                     .statistics = &statistics_});
  for (std::optional<WorkQueue::Unit> unit; !crew_.stopping() && (unit = queue_.next());) {
    if (unit->statistics)
      gatherer.compute(unit->range);
    else
      write_tile(worker, unit->range, staging.first(unit->range.size()));
  }
  std::lock_guard lock(mutex_);
  findings_.add(worker.findings());
}

void MergeStage::write_tile(TileWorker& worker, ByteRange tile, std::span<std::byte> out) {
  statistics_.wait_for(tile, crew_);
  worker.compute(tile, out);
  setting_.output.write_at(tile.begin, out);
  if (setting_.checksums) setting_.checksums->note_written(tile, out);
  if (setting_.digest) setting_.digest->add(tile, out, crew_, permits_);
  statistics_.release_before(queue_.finish(tile));
  crew_.add_done(tile.size());
}

}  // namespace ckmerge
