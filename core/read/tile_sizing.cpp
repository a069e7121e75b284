// SPDX-License-Identifier: Apache-2.0
#include "core/read/tile_sizing.h"

#include <algorithm>

#include "core/lines/line_memory.h"
#include "core/plan/sum_terms.h"
#include "io/file/input_windows.h"
#include "io/file/output_file.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

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
// Where checkpoints are accumulated each has one read on its way instead of one for every input. Cold, 20 of 1 GiB, 2
// threads: 16.3 and 16.4 s with 16 in flight, 18.3 and 20.6 s with 8.
constexpr unsigned kLeastAccumulating = 16;

// With devices, one that is filled for every thread, and one on each leg of its way: in, through the kernels, out. Few
// large batches are better than many small ones there: a copy of 2 MiB takes 40 us at 50 GB/s, starting it about 10.
constexpr unsigned kSlotsAway = 3;
constexpr unsigned kLeastSlots = 4;
constexpr uint64_t kSmallestDeviceTile = 1ull << 20;

// What a driver hands out at least (cudaMalloc, since compute capability 7).
constexpr uint64_t kDeviceUnit = 2ull << 20;

uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

// On a device the sums of a tile would travel there and back for every checkpoint.
bool accumulates_with(const Plan& plan, const SizingOptions& options) {
  return plan.accumulates && options.devices == 0;
}

// What the widest step reads: operands at once, and bytes of them per byte of output.
struct Appetite {
  uint64_t sources = 1;
  uint64_t ratio = 1;
  size_t registers = 0;  ///< of the longest program
  LineMemory lines = {};
};

// Where rows are cut, a tile may lie in heads alone, for which every source is read.
uint64_t bytes_read_of(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step, uint32_t s) {
  const Source source = plan.source(step, s);
  const Tensor tensor = checkpoints[source.checkpoint].tensors[source.tensor];
  if (step.expansion == Step::kWhole) return tensor.size;
  return step.size / element_size(step.dtype) * element_size(tensor.dtype);
}

Appetite appetite_of(const Plan& plan, std::span<const Checkpoint> checkpoints, bool accumulates) {
  Appetite appetite{.registers = plan.registers(), .lines = line_memory(plan, checkpoints)};
  for (const Step& step : plan.steps) {
    if (step.size == 0) continue;
    uint64_t read = 0;  // at a time
    for (uint32_t s = 0; s < step.source_count; ++s) {
      const uint64_t bytes = bytes_read_of(plan, checkpoints, step, s);
      read = accumulates ? std::max(read, bytes) : read + bytes;
    }
    appetite.sources = accumulates ? 1 : std::max<uint64_t>(appetite.sources, step.source_count);
    appetite.ratio = std::max(appetite.ratio, (read + step.size - 1) / step.size);
  }
  return appetite;
}

// Tensors of which a walk has counted digits and not all: on each level that in which the next range to be handed out
// begins, and of every range that somebody works at the tensor that is counted and the one with which it ends.
uint64_t tensors_at_hand(const Plan& plan, unsigned in_flight) { return plan.digit_levels() + 2 * in_flight; }

// Windows are whole pages: each source may add a part of one at both ends.
TileSizing with(const Plan& plan, const Appetite& appetite, uint64_t tile, unsigned in_flight,
                const SizingOptions& options) {
  const bool accumulates = accumulates_with(plan, options);
  return {.tile_size = tile,
          .window_size = tile * appetite.ratio + appetite.sources * 2 * InputWindows::page_size(),
          .sums_size = accumulates ? Accumulation::sums_size(plan, tile) : 0,
          .spill_size = registers_size(appetite.registers),
          .tables_size = plan.cuts() ? kDigitTables * kDigitBuckets * sizeof(uint32_t) : 0,
          .counts_size = tensors_at_hand(plan, in_flight) * plan.cuts() * kDigitBuckets * sizeof(uint32_t),
          .lines_size = appetite.lines.per_worker,
          .lines_held = appetite.lines.held(options.budget),
          .tiles_in_flight = in_flight,
          .threads = std::min(options.threads, in_flight),
          .accumulates = accumulates};
}

// What a tile of that size needs on its way through a device.
SlotSizes slot_of(const TileSizing& sizing) {
  return {.input = round_up(sizing.window_size + SlotSizes::kTables, OutputFile::kAlignment),
          .output = sizing.tile_size};
}

uint64_t slots_in(uint64_t device_memory, const SlotSizes& slot) {
  if (device_memory == 0) return UINT32_MAX;
  const uint64_t given = device_memory < kDeviceUnit ? device_memory : device_memory / kDeviceUnit * kDeviceUnit;
  return given / slot.on_device();
}

// As many slots as are of use and fit, for every device the same number or one less; false where that is fewer than
// `least` for each.
bool give_slots(TileSizing& sizing, unsigned least, const SizingOptions& options) {
  const SlotSizes slot = slot_of(sizing);
  const uint64_t rest = options.budget - std::min(options.budget, sizing.memory() + options.held);
  const uint64_t wanted = std::max(sizing.threads + kSlotsAway, kLeastSlots) * options.devices;
  const uint64_t used = std::max(sizing.tiles_in_flight, options.devices);
  const uint64_t slots =
      std::min({wanted, used, rest / slot.input, slots_in(options.device_memory, slot) * options.devices});
  if (slots < std::min<uint64_t>(least, used / options.devices) * options.devices) return false;
  sizing.slot = slot;
  sizing.slots = static_cast<unsigned>(slots);
  return true;
}

[[noreturn]] void refuse(TileSizing smallest, const LineMemory& lines, const Plan& plan, const SizingOptions& options) {
  const SlotSizes slot = options.devices ? slot_of(smallest) : SlotSizes{};
  smallest.lines_held = 0;  // they take more of a larger budget
  const uint64_t needed = lines.least_budget(smallest.memory() + options.held + slot.input * options.devices);
  const bool host = needed > options.budget;
  const char* const holder = plan.held_whole == 0              ? "adapters"
                             : plan.held_whole == options.held ? "whole tensors"
                                                               : "adapters and whole tensors";
  throw Error(ErrorCode::resources, host ? "memory" : "gpu-memory",
              sentence("a memory budget of ", host ? options.budget : options.device_memory, " bytes",
                       host ? "" : " on the device", " is too small for this merge",
                       host && options.held ? sentence(", whose ", holder, " hold ", options.held, " of them") : "",
                       "; give at least ", host ? needed : slot.on_device(), " bytes"));
}

// How small tiles and their number may become, in this order.
struct Limits {
  uint64_t tile;
  unsigned in_flight, slots;
};
constexpr Limits kWithDevices[] = {
    {kSmallestDeviceTile, kLeastInFlight, kLeastSlots}, {kSmallestGoodTile, 1, kLeastSlots}, {kSmallestTile, 1, 1}};
constexpr Limits kWithout[] = {{kSmallestGoodTile, 1, 0}, {kSmallestTile, 1, 0}};

}  // namespace

// More tiles than threads are in flight, so that reads and writes go on while all threads compute. When the budget is
// small, tiles shrink first, then their number, then tiles again.
TileSizing size_tiles(const Plan& plan, std::span<const Checkpoint> checkpoints, const SizingOptions& options) {
  const Appetite appetite = appetite_of(plan, checkpoints, accumulates_with(plan, options));
  const unsigned threads = options.threads;
  const uint64_t whole = round_up(plan.end(), OutputFile::kAlignment);
  const uint64_t largest = options.tile_size ? options.tile_size : std::min(kLargestTile, whole);
  const bool waits = !options.all_in_memory || options.devices > 0;
  const unsigned least_in_flight = accumulates_with(plan, options) ? kLeastAccumulating : kLeastInFlight;
  const uint64_t most = waits ? std::max<uint64_t>(least_in_flight, uint64_t{kTilesPerThread} * threads) : threads;
  const auto wanted = static_cast<unsigned>(std::clamp<uint64_t>((whole + largest - 1) / largest, 1, most));
  const auto fits = [&](TileSizing& sizing, unsigned slots) {
    return sizing.memory() + options.held <= options.budget &&
           (options.devices == 0 || give_slots(sizing, slots, options));
  };
  for (const Limits& least : options.devices ? std::span<const Limits>(kWithDevices) : kWithout)
    for (unsigned in_flight = wanted; in_flight >= std::min(least.in_flight, wanted); in_flight = in_flight * 3 / 4)
      for (uint64_t tile = largest; tile >= std::min(least.tile, largest);
           tile = tile / 2 / kSmallestTile * kSmallestTile) {
        TileSizing sizing = with(plan, appetite, tile, in_flight, options);
        if (fits(sizing, least.slots)) return sizing;
        if (options.tile_size || tile == kSmallestTile) break;
      }
  SizingOptions one = options;
  one.threads = 1;
  refuse(with(plan, appetite, options.tile_size ? options.tile_size : kSmallestTile, 1, one), appetite.lines, plan,
         options);
}

bool add_slots(TileSizing& sizing, const SizingOptions& options) { return give_slots(sizing, kLeastSlots, options); }

}  // namespace ckmerge
