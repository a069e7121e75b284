// SPDX-License-Identifier: Apache-2.0
#include "core/tile_sizing.h"

#include <algorithm>

#include "core/device_job.h"
#include "core/turn_worker.h"
#include "io/error.h"
#include "io/input_windows.h"
#include "io/output_file.h"
#include "io/sentence.h"

namespace ckmerge {
namespace {

// Cold, two 3.2 GB inputs on a virtual disk, eight tiles in flight: 3.7 to 3.8 s with 2 MiB, 3.9 to 4.1 s with 4
// MiB, 4.1 to 4.2 s with 1 MiB. Below 256 KiB the cost of each write and each map operation shows.
constexpr uint64_t kLargestTile = 2ull << 20;
constexpr uint64_t kSmallestGoodTile = 256ull << 10;
constexpr uint64_t kSmallestTile = OutputFile::kAlignment;

// Tiles in flight for each thread, and at least: a disk wants several requests at a time, however few threads compute.
// Cold, two 3.2 GB inputs, 2 threads, medians of 4: 4.8 s with 8 tiles in flight, 9.6 s with 4.
constexpr unsigned kTilesPerThread = 2;
constexpr unsigned kLeastInFlight = 8;

uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

// What the widest step needs: operands read at once, and bytes of them per byte of output.
struct Appetite {
  uint64_t sources = 1;
  uint64_t ratio = 1;
};

// Where rows are cut, a tile may lie in heads alone, for which every source is read.
uint64_t bytes_read_of(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step, uint32_t s) {
  const Source source = plan.source(step, s);
  const Tensor tensor = checkpoints[source.checkpoint].tensors[source.tensor];
  if (step.expansion == Step::kWhole) return tensor.size;
  return step.size / element_size(step.dtype) * element_size(tensor.dtype);
}

Appetite appetite_of(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  Appetite appetite;
  for (const Step& step : plan.steps) {
    if (step.size == 0) continue;
    uint64_t read = 0;  // at a time
    for (uint32_t s = 0; s < step.source_count; ++s) {
      const uint64_t bytes = bytes_read_of(plan, checkpoints, step, s);
      read = plan.in_turn ? std::max(read, bytes) : read + bytes;
    }
    appetite.sources = plan.in_turn ? 1 : std::max<uint64_t>(appetite.sources, step.source_count);
    appetite.ratio = std::max(appetite.ratio, (read + step.size - 1) / step.size);
  }
  return appetite;
}

// Windows are whole pages: each source may add a part of one at both ends.
TileSizing with(const Plan& plan, const Appetite& appetite, uint64_t tile, unsigned in_flight,
                const SizingOptions& options) {
  TileSizing sizing = {.tile_size = tile,
                       .window_size = tile * appetite.ratio + appetite.sources * 2 * InputWindows::page_size(),
                       .sums_size = plan.in_turn ? TurnWorker::sums_size(plan, tile) : 0,
                       .tiles_in_flight = in_flight,
                       .threads = std::min(options.threads, in_flight)};
  if (options.device_memory > 0)
    sizing.slot = {.input = round_up(sizing.window_size + DeviceJob::kTables, OutputFile::kAlignment), .output = tile};
  return sizing;
}

bool fits(const TileSizing& sizing, const SizingOptions& options) {
  return sizing.memory() <= options.budget && sizing.slot.on_device() <= options.device_memory;
}

[[noreturn]] void refuse(const TileSizing& smallest, const SizingOptions& options) {
  const bool host = smallest.memory() > options.budget;
  throw Error(ErrorCode::resources, host ? "memory" : "gpu-memory",
              sentence("a memory budget of ", host ? options.budget : options.device_memory, " bytes",
                       host ? "" : " on the device", " is too small for this merge; give at least ",
                       host ? smallest.memory() : smallest.slot.on_device(), " bytes"));
}

}  // namespace

// More tiles than threads are in flight, so that reads and writes go on while all threads compute. When the budget is
// small, tiles shrink first, then their number, then tiles again.
TileSizing size_tiles(const Plan& plan, std::span<const Checkpoint> checkpoints, const SizingOptions& options) {
  const Appetite appetite = appetite_of(plan, checkpoints);
  const unsigned threads = options.threads;
  const uint64_t whole = round_up(plan.file_size, OutputFile::kAlignment);
  const uint64_t largest = options.tile_size ? options.tile_size : std::min(kLargestTile, whole);
  const bool waits = !options.all_in_memory || options.device_memory > 0;
  const uint64_t most = waits ? std::max<uint64_t>(kLeastInFlight, uint64_t{kTilesPerThread} * threads) : threads;
  const unsigned wanted = static_cast<unsigned>(std::min(most, (whole + largest - 1) / largest));
  for (const uint64_t smallest : {kSmallestGoodTile, kSmallestTile})
    for (unsigned in_flight = std::max(1u, wanted); in_flight > 0; in_flight = in_flight * 3 / 4)
      for (uint64_t tile = largest; tile >= std::min(smallest, largest);
           tile = tile / 2 / kSmallestTile * kSmallestTile) {
        const TileSizing sizing = with(plan, appetite, tile, in_flight, options);
        if (fits(sizing, options)) return sizing;
        if (options.tile_size || tile == kSmallestTile) break;
      }
  SizingOptions one = options;
  one.threads = 1;
  refuse(with(plan, appetite, options.tile_size ? options.tile_size : kSmallestTile, 1, one), options);
}

}  // namespace ckmerge
