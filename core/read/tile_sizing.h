// SPDX-License-Identifier: Apache-2.0
// How a budget becomes tiles: how many are in flight and how large each is.
#pragma once

#include <cstdint>

#include "core/plan/plan.h"

namespace ckmerge {

/// What a tile takes on its way through a device. Multiples of OutputFile::kAlignment.
struct SlotSizes {
  /// Memory of `input` beside the operands' bytes: tables of some hundred parts (core/device/device_job.h), and what
  /// aligning takes.
  static constexpr uint64_t kTables = 128ull << 10;

  uint64_t input = 0;   ///< operands and tables: on the device, and as much pinned memory
  uint64_t output = 0;  ///< a tile, on the device
  uint64_t on_device() const { return input + output; }
};

/// What one run keeps in memory. Every tile in flight holds `tile_size` bytes of staging and maps at most `window_size`
/// bytes of the inputs at a time.
struct TileSizing {
  uint64_t tile_size = 0;    ///< bytes of output, a multiple of OutputFile::kAlignment
  uint64_t window_size = 0;  ///< bytes of resident input, page borders included
  uint64_t sums_size = 0;    ///< bytes of sums, where checkpoints are accumulated
  uint64_t spill_size = 0;   ///< bytes of registers beyond those of the stack
  uint64_t tables_size = 0;  ///< bytes of counts of magnitudes' digits, where tensors are cut
  uint64_t counts_size = 0;  ///< likewise, of the tensors at hand
  uint64_t lines_size = 0;   ///< bytes of numbers of rows and columns, of a part of a tensor
  uint64_t lines_held = 0;   ///< likewise of whole tensors, of which others lie in a scratch file
  unsigned tiles_in_flight = 0;
  SlotSizes slot = {};       ///< of a device, 0 without one
  unsigned slots = 0;        ///< of all devices
  unsigned threads = 0;      ///< tiles computed at once; the others are being read or written
  bool accumulates = false;  ///< checkpoints are read and added one after another; on devices never

  /// A worker's registers, lists and buffers of the C library.
  static constexpr uint64_t kPerWorker = 256ull << 10;
  uint64_t memory() const {
    return tiles_in_flight *
               (tile_size + window_size + sums_size + spill_size + tables_size + lines_size + kPerWorker) +
           counts_size + lines_held + slots * slot.input;
  }
};

struct SizingOptions {
  uint64_t budget = 0;     ///< bytes of the host's memory
  uint64_t held = 0;       ///< of these, what inputs hold that are made (RunOptions::held_by_inputs)
  unsigned threads = 1;    ///< that may compute
  uint64_t tile_size = 0;  ///< 0 lets it choose
  /// No read or write waits for a disk, and more tiles than threads would only wait for each other.
  bool all_in_memory = false;
  unsigned devices = 0;        ///< that get tiles too
  uint64_t device_memory = 0;  ///< bytes that slots may take on each; 0 = there is no bound
};

/// Fits the plan into the budget. Throws Error(resources) that names the smallest budget when not even one small tile
/// fits.
TileSizing size_tiles(const Plan& plan, std::span<const Checkpoint> checkpoints, const SizingOptions& options);

/// Adds slots of `options.devices` to tiles that were sized without, from what they leave of the budget; false, and
/// nothing changed, where it is not enough to keep a device busy.
bool add_slots(TileSizing& sizing, const SizingOptions& options);

}  // namespace ckmerge
