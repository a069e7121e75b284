// SPDX-License-Identifier: Apache-2.0
#include "core/engine/merge_stage.h"

#include <algorithm>
#include <optional>

#include "core/engine/accumulating_worker.h"
#include "core/engine/statistics_worker.h"
#include "core/plan/output_files.h"
#include "core/read/staging.h"
#include "core/threads/semaphore_lock.h"
#include "io/text/error.h"

namespace ckmerge {

// `gatherer`: an output before this one that gathers the statistics of both; null: there is none.
MergeStage::Output::Output(const MergedOutput& output, const MergeSetting& setting, Output* gatherer, LineStore& lines,
                           const ThreadPool& pool)
    : output(output),
      statistics(output.plan, setting.checkpoints, &lines, &pool),
      queue(output.plan, setting.sizing.tile_size, gatherer ? 0 : statistics.levels(), lookahead(setting.sizing),
            levels_of_model(output.plan)),
      energy(output.plan) {
  if (gatherer) gatherer->statistics.also_give(statistics);
}

uint64_t MergeStage::total_size(std::span<const MergedOutput> outputs) {
  uint64_t size = 0;
  for (const MergedOutput& output : outputs) size += output.plan.output_size();
  return size;
}

MergeStage::MergeStage(const MergeSetting& setting)
    : setting_(setting),
      line_store_(setting.sizing.lines_held, setting.target),
      pool_(setting.options.observer(), Stage::merge, total_size(setting.outputs)),
      semaphore_(setting.sizing.threads) {
  for (const MergedOutput& output : setting.outputs)
    outputs_.emplace_back(output, setting, gatherer_of(output.plan), line_store_, pool_);
}

MergeStage::Output* MergeStage::gatherer_of(const Plan& plan) {
  const auto gathers = [&](const Output& output) {
    return share_statistics(output.output.plan, plan, setting_.sizing.tile_size);
  };
  const auto found = std::ranges::find_if(outputs_, gathers);
  return found == outputs_.end() ? nullptr : &*found;
}

// The last of those that read the most: behind it nothing is read again but what few need.
size_t MergeStage::last_reader() const {
  size_t last = 0;
  for (size_t k = 0; k < outputs_.size(); ++k)
    if (outputs_[k].output.plan.bytes_to_read >= outputs_[last].output.plan.bytes_to_read) last = k;
  return last;
}

void MergeStage::run() {
  pool_.run(setting_.sizing.tiles_in_flight, [this] { work(); });
}

// What one thread needs for one output.
class MergeStage::Worker {
 public:
  Worker(MergeStage& stage, Output& output, WindowBatch& windows, std::byte* sums)
      : output_(output),
        gatherer_(output.output.plan, stage.setting_.checkpoints, windows, output.statistics,
                  {.kernels = &stage.setting_.kernels,
                   .piece_size = stage.setting_.sizing.tile_size,
                   .drop_cache = stage.setting_.cache.drop_behind_statistics,
                   .semaphore = &stage.semaphore_,
                   .pool = &stage.pool_}),
        options_{
            .kernels = &stage.setting_.kernels,
            // What is read is read for the last time.
            .drop_cache = stage.setting_.cache.drop_behind_tiles && &output == &stage.outputs_[stage.last_reader()],
            .headers = output.output.headers,
            .semaphore = &stage.semaphore_,
            .on_windows = stage.feed_inputs(output.output),
            .statistics = &output.statistics,
            .energy = &output.energy},
        worker_(output.output.plan, stage.setting_.checkpoints, windows, options_) {
    if (sums) accumulating_.emplace(output.output.plan, stage.setting_.checkpoints, windows, options_, sums);
  }

  void gather(ByteRange range, size_t level, DeviceRing* ring) { gatherer_.compute(range, level, ring); }
  void compute(ByteRange tile, std::span<std::byte> out, DeviceRing* ring) {
    accumulating_ ? accumulating_->compute(tile, out) : worker_.compute(tile, out, ring);
  }
  void report() { output_.step_report.add(accumulating_ ? accumulating_->step_report() : worker_.step_report()); }

 private:
  Output& output_;
  StatisticsWorker gatherer_;
  const TileWorker::Options options_;
  TileWorker worker_;
  std::optional<AccumulatingWorker> accumulating_;
};

void MergeStage::work() {
  Staging staging(setting_.sizing.tile_size);
  std::unique_ptr<PinnedMemory> pinned;
  WindowBatch windows(setting_.checkpoints, setting_.sizing.window_size, setting_.sizing.accumulates);
  std::optional<Staging> sums;  // of one output at a time
  if (setting_.sizing.accumulates) sums.emplace(setting_.sizing.sums_size);
  std::deque<Worker> workers;
  for (const Output& output : outputs_) reserve_registers(output.output.plan.registers());
  for (Output& output : outputs_) workers.emplace_back(*this, output, windows, sums ? sums->first(0).data() : nullptr);
  for (std::optional<Unit> next_unit; !pool_.stopping() && (next_unit = next());) {
    const WorkQueue::Unit& unit = next_unit->unit;
    Output& output = outputs_[next_unit->output];
    Worker& worker = workers[next_unit->output];
    if (unit.statistics) {
      output.statistics.wait_for(unit.range, *unit.statistics, pool_);
      worker.gather(unit.range, *unit.statistics, setting_.devices.ring_for_statistics().get());
      continue;
    }
    const std::span<std::byte> out = staging.first(unit.range.size());
    output.statistics.wait_for(unit.range, output.statistics.levels(), pool_);
    worker.compute(unit.range, out, ring_for(unit.range, staging, pinned).get());
    finish_tile(output, unit.range, out);
  }
  std::lock_guard lock(mutex_);
  for (Worker& worker : workers) worker.report();
}

// Each output's in turn; whose work is all handed out is passed over. Statistics leave the turn where it is, so that
// those who share them get a tile after the one who gathers for all.
std::optional<MergeStage::Unit> MergeStage::next() {
  std::lock_guard lock(mutex_);
  for (size_t tried = 0; tried < outputs_.size(); ++tried) {
    const size_t output = turn_;
    const auto unit = outputs_[output].queue.next();
    if (!unit || !unit->statistics) turn_ = (turn_ + 1) % outputs_.size();
    if (unit) return Unit{output, *unit};
  }
  return std::nullopt;
}

// A tile's way back from a device ends in the worker's staging, which is pinned while devices may get tiles.
std::shared_ptr<DeviceRing> MergeStage::ring_for(ByteRange tile, Staging& staging,
                                                 std::unique_ptr<PinnedMemory>& pinned) {
  DeviceBackend& devices = setting_.devices;
  std::shared_ptr<DeviceRing> ring = outputs_.size() == 1 ? devices.ring_for(tile) : nullptr;
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

std::function<void(ByteRange, const WindowBatch&)> MergeStage::feed_inputs(const MergedOutput& output) {
  if (!output.inputs) return {};
  return [this, &output](ByteRange batch, const WindowBatch& windows) {
    const uint64_t next = next_offset(output.plan, batch.end);
    output.inputs->add({batch.begin, next}, windows, next == output.plan.end(), pool_, semaphore_);
  };
}

void MergeStage::finish_tile(Output& output, ByteRange tile, std::span<std::byte> out) {
  output.output.parts[file_at(output.output.plan, tile.begin)].take(tile, out, pool_, semaphore_);
  output.statistics.release_before(output.queue.finish(tile));
  pool_.add_done(tile.size());
  if (outputs_.size() == 1) setting_.devices.finish(tile, pool_.seconds());
}

void MergeStage::write_held(size_t k, std::span<const std::string> headers) {
  for (size_t file = 0; file < headers.size(); ++file)
    setting_.outputs[k].parts[file].write_held(headers[file], pool_, semaphore_);
}

}  // namespace ckmerge
