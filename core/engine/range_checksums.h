// SPDX-License-Identifier: Apache-2.0
// What was written, remembered as a few checksums, to be compared with what the disk gives back (--verify). Accidents
// are to be found, not forgers: multiplications and shifts cost less than half of what SHA-256 costs where the CPU has
// instructions for it, and a tenth where it has none.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/read/source_read.h"

namespace ckmerge {

/// A checksum of `bytes` at `offset`: one that is changed anywhere, or is elsewhere, has another, save for one in 2^64.
uint64_t checksum(uint64_t offset, std::span<const std::byte> bytes);

/// Thread-safe. Tiles next to each other share a slot when there are many, so that 256 KiB do for any file.
class RangeChecksums {
 public:
  RangeChecksums(uint64_t file_size, uint64_t tile_size);

  void note_written(ByteRange tile, std::span<const std::byte> bytes) { slot(tile) += checksum(tile.begin, bytes); }
  void note_read(ByteRange tile, std::span<const std::byte> bytes) { slot(tile) -= checksum(tile.begin, bytes); }

  /// The first range whose tiles were not all read as they were written.
  std::optional<ByteRange> difference() const;

 private:
  std::atomic<uint64_t>& slot(ByteRange tile) { return slots_[tile.begin / slot_size_]; }

  const uint64_t file_size_, slot_size_;
  std::vector<std::atomic<uint64_t>> slots_;  // sums, modulo 2^64, of what was written less what was read
};

}  // namespace ckmerge
