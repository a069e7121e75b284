// SPDX-License-Identifier: Apache-2.0
// The seals of an output's frame: made of the CRC-32 sums of its tensors, which are gathered tile by tile from the
// bytes that are written, in any order, and put into the file when all are there. Until then zeros stand in their
// place.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/engine/run.h"
#include "core/plan/plan.h"
#include "core/read/source_read.h"
#include "core/read/tile_sizing.h"
#include "io/file/output_file.h"

namespace ckmerge {

class Seals {
 public:
  /// Of one of the plan's files. REQUIRES: its frame has seals.
  Seals(const Plan& plan, const PlannedFile& file);

  /// Adds the tensors' bytes of a tile of the output that lies in the file. Thread-safe; each tile once.
  void add(ByteRange tile, std::span<const std::byte> bytes);

  /// Writes the seals into `output`, all of whose bytes are written, behind the `header` that it has. Reads and writes
  /// the blocks around each. Throws as OutputFile does, and Error(interrupted).
  void write(OutputFile& output, std::string_view header, const TileSizing& sizing, const RunOptions& options);

  /// For whoever compares what is read back with what add() saw: takes the seals out of a range of the file
  /// again, if they are right, and leaves them where they are not. After write().
  void take_out(ByteRange inside, std::span<std::byte> bytes) const;

 private:
  void write_range(OutputFile& output, ByteRange range, std::span<std::byte> buffer) const;

  const Plan& plan_;
  const PlannedFile& file_;
  const OutputFrame& frame_;
  std::vector<std::atomic<uint32_t>> shares_;  // per step of the file: XOR of the sums' shares that were added
  std::vector<uint32_t> sums_;                 // the frame's, when they are complete
};

}  // namespace ckmerge
