// SPDX-License-Identifier: Apache-2.0
#include "core/engine/merge_stage.h"

#include <optional>

#include "core/engine/accumulating_worker.h"
#include "core/engine/statistics_worker.h"
#include "core/plan/output_files.h"
#include "core/read/staging.h"
#include "core/threads/semaphore_lock.h"
#include "io/text/error.h"

namespace ckmerge {

MergeStage::MergeStage(const MergeSetting& setting)
    : setting_(setting),
      pool_(setting.options.observer(), Stage::merge, setting.plan.output_size()),
      semaphore_(setting.sizing.threads),
      statistics_(setting.plan),
      queue_(setting.plan, setting.sizing.tile_size, statistics_.wanted(), lookahead(setting.sizing)) {}

void MergeStage::run() {
  pool_.run(setting_.sizing.tiles_in_flight, [this] { work(); });
}

void MergeStage::work() {
  const MergeSetting& setting = setting_;
  Staging staging(setting.sizing.tile_size);
  std::unique_ptr<PinnedMemory> pinned;
  WindowBatch windows(setting.checkpoints, setting.sizing.window_size, setting.sizing.accumulates);
  StatisticsWorker gatherer(setting.plan, setting.checkpoints, windows, statistics_,
                            {.kernels = &setting.kernels,
                             .piece_size = setting.sizing.tile_size,
                             .drop_cache = setting.cache.drop_behind_statistics,
                             .semaphore = &semaphore_});
  const TileWorker::Options options{.kernels = &setting.kernels,
                                    .drop_cache = setting.cache.drop_behind_tiles,
                                    .headers = setting.headers,
                                    .semaphore = &semaphore_,
                                    .on_windows = feed_inputs(),
                                    .statistics = &statistics_};
  TileWorker worker(setting.plan, setting.checkpoints, windows, options);
  std::optional<AccumulatingWorker> accumulating;
  if (setting.sizing.accumulates)
    accumulating.emplace(setting.plan, setting.checkpoints, windows, options, setting.sizing.sums_size);
  for (std::optional<WorkQueue::Unit> unit; !pool_.stopping() && (unit = queue_.next());) {
    if (unit->statistics) {
      gatherer.compute(unit->range, setting.devices.ring_for_statistics().get());
      continue;
    }
    const std::span<std::byte> out = staging.first(unit->range.size());
    statistics_.wait_for(unit->range, pool_);
    accumulating ? accumulating->compute(unit->range, out)
                 : worker.compute(unit->range, out, ring_for(unit->range, staging, pinned).get());
    finish_tile(unit->range, out);
  }
  std::lock_guard lock(mutex_);
  step_report_.add(accumulating ? accumulating->step_report() : worker.step_report());
}

// A tile's way back from a device ends in the worker's staging, which is pinned while devices may get tiles.
std::shared_ptr<DeviceRing> MergeStage::ring_for(ByteRange tile, Staging& staging,
                                                 std::unique_ptr<PinnedMemory>& pinned) {
  DeviceBackend& devices = setting_.devices;
  std::shared_ptr<DeviceRing> ring = devices.ring_for(tile);
  if (!ring) {
    if (devices.is_done()) pinned.reset();
    return nullptr;
  }
  if (!pinned) try {
      pinned = std::make_unique<PinnedMemory>(ring->first(), staging.first(setting_.sizing.tile_size));
    } catch (const Error& error) {
      ring->take_fault(error);
      return nullptr;
    }
  return ring;
}

std::function<void(ByteRange, const WindowBatch&)> MergeStage::feed_inputs() {
  if (!setting_.inputs) return {};
  return [this](ByteRange batch, const WindowBatch& windows) {
    const uint64_t next = next_offset(setting_.plan, batch.end);
    setting_.inputs->add({batch.begin, next}, windows, next == setting_.plan.end(), pool_, semaphore_);
  };
}

void MergeStage::finish_tile(ByteRange tile, std::span<std::byte> out) {
  setting_.parts[file_at(setting_.plan, tile.begin)].take(tile, out, pool_, semaphore_);
  statistics_.release_before(queue_.finish(tile));
  pool_.add_done(tile.size());
  setting_.devices.finish(tile, pool_.seconds());
}

void MergeStage::write_held(std::span<const std::string> headers) {
  for (size_t k = 0; k < headers.size(); ++k) setting_.parts[k].write_held(headers[k], pool_, semaphore_);
}

}  // namespace ckmerge
