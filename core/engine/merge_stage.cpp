// SPDX-License-Identifier: Apache-2.0
#include "core/engine/merge_stage.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/engine/accumulating_worker.h"
#include "core/engine/statistics_worker.h"
#include "core/read/staging.h"
#include "core/threads/semaphore_lock.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

uint64_t whole_tiles(uint64_t size, uint64_t tile_size) { return (size + tile_size - 1) / tile_size * tile_size; }

}  // namespace

MergeStage::MergeStage(const MergeSetting& setting)
    : setting_(setting),
      pool_(setting.options.observer(), Stage::merge, setting.plan.file_size),
      semaphore_(setting.sizing.threads),
      statistics_(setting.plan),
      queue_(setting.plan, setting.sizing.tile_size, statistics_.wanted(), lookahead(setting.sizing)),
      held_size_(setting.inputs ? whole_tiles(setting.header.size(), setting.sizing.tile_size) : 0) {
  if (held_size_ > 0) held_.emplace(held_size_);
}

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
                                    .header = setting.header,
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
    setting_.inputs->add(batch, windows, batch.end == setting_.plan.file_size, pool_, semaphore_);
  };
}

void MergeStage::finish_tile(ByteRange tile, std::span<std::byte> out) {
  if (setting_.plan.frame) add_frame(tile, out);
  if (tile.begin < held_size_)
    std::memcpy(held_->first(held_size_).data() + tile.begin, out.data(), out.size());
  else
    write(tile, out);
  statistics_.release_before(queue_.finish(tile));
  pool_.add_done(tile.size());
  setting_.devices.finish(tile, pool_.seconds());
}

// What a tile program does not know of: the bytes between and behind the tensors.
void MergeStage::add_frame(ByteRange tile, std::span<std::byte> out) {
  const SemaphoreLock computing(semaphore_);
  setting_.plan.frame->fill(tile.begin, out, {});
  if (setting_.seals) setting_.seals->add(tile, out);
}

void MergeStage::write(ByteRange tile, std::span<const std::byte> out) {
  setting_.output.write_at(tile.begin, out);
  if (setting_.checksums) setting_.checksums->note_written(tile, out);
  if (setting_.digest) setting_.digest->add(tile, out, pool_, semaphore_);
}

void MergeStage::write_held(std::string_view header) {
  const uint64_t end = std::min(held_size_, setting_.plan.file_size), tile_size = setting_.sizing.tile_size;
  const std::span<std::byte> bytes = held_->first(end);
  std::memcpy(bytes.data(), header.data(), std::min(header.size(), bytes.size()));
  for (uint64_t begin = 0; begin < end; begin += tile_size)
    write({begin, std::min(begin + tile_size, end)}, bytes.subspan(begin, std::min(tile_size, end - begin)));
}

}  // namespace ckmerge
