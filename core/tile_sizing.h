// SPDX-License-Identifier: Apache-2.0
// How a budget becomes tiles: how many are in flight and how large each is.
#pragma once

#include <cstdint>

#include "core/plan.h"

namespace ckmerge {

/// What one run keeps in memory. Every tile in flight holds `tile_size` bytes of staging and maps at most `window_size`
/// bytes of the inputs at a time.
struct TileSizing {
  uint64_t tile_size = 0;    ///< bytes of output, a multiple of OutputFile::kAlignment
  uint64_t window_size = 0;  ///< bytes of resident input, page borders included
  uint64_t sums_size = 0;    ///< bytes of sums, where checkpoints are read in turn
  unsigned tiles_in_flight = 0;
  unsigned threads = 0;  ///< tiles computed at once; the others are being read or written

  /// A worker's registers, lists and buffers of the C library.
  static constexpr uint64_t kPerWorker = 256ull << 10;
  uint64_t memory() const { return tiles_in_flight * (tile_size + window_size + sums_size + kPerWorker); }
};

/// Fits the plan into `budget` with up to `threads` threads. `tile_size` 0 lets it choose. Throws Error(resources) that
/// names the smallest budget when not even one small tile fits. With `all_in_memory` no read or write waits for a
/// device, and more tiles than threads would only wait for each other.
TileSizing size_tiles(const Plan& plan, std::span<const Checkpoint> checkpoints, uint64_t budget, unsigned threads,
                      uint64_t tile_size, bool all_in_memory = false);

}  // namespace ckmerge
