// SPDX-License-Identifier: Apache-2.0
// One file of the output while it is made: where its bytes go, and what is taken of them on their way. The stages know
// tiles of the output; each part knows where in its file they lie.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/engine/output_digest.h"
#include "core/engine/output_reading.h"
#include "core/engine/range_checksums.h"
#include "core/engine/run.h"
#include "core/engine/seals.h"
#include "core/read/staging.h"
#include "core/read/tile_sizing.h"
#include "core/threads/semaphore.h"
#include "core/threads/thread_pool.h"
#include "io/file/output_file.h"

namespace ckmerge {

/// What is wanted of every file beside its bytes.
struct OutputWants {
  bool hash = false;         ///< its sums
  bool verify = false;       ///< what the disk gives back is compared with what was computed
  bool header_last = false;  ///< the header is known last: tiles that hold some of it wait for write_held()
};

class OutputPart {
 public:
  /// File `index` of the plan, which `open` makes an OutputFile for, and which will be `target`.
  template <typename Open>
  OutputPart(const Plan& plan, size_t index, std::string target, const Open& open)
      : plan_(plan), planned_(plan.files[index]), target_(std::move(target)), file_(open()) {}

  /// Before the first tile.
  void prepare(const OutputWants& wants, uint64_t tile_size);

  /// Takes a tile of the output as it was computed, fills in what is the frame's, and writes it or keeps it. Each tile
  /// of the file once, handed out in order. Thread-safe. Throws as OutputFile::write_at() does.
  void take(ByteRange tile, std::span<std::byte> bytes, const ThreadPool& pool, Semaphore& semaphore);

  /// Writes the tiles that were kept, with `header`, which is as long as the plan's, in front. After the last tile.
  void write_held(std::string_view header, const ThreadPool& pool, Semaphore& semaphore);

  /// When all is written but the seals: writes them behind `header`, and reads the file back where that is wanted.
  /// What is on the disk then is right. Throws Error(difference) where it is not what was computed;
  /// Error(io | resources | interrupted).
  void finish(std::string_view header, const TileSizing& sizing, const RunOptions& options);

  /// After finish(): see core/engine/output_reading.h.
  void check_readable(std::span<const Checkpoint> checkpoints) const {
    ckmerge::check_readable(file_, target_, plan_, planned_, checkpoints);
  }

  /// Puts the file in place.
  void commit() { file_.commit(); }

  /// Once, after finish(). REQUIRES: they are wanted.
  OutputSums sums();

  std::string description() const { return file_.description(); }

 private:
  void add_frame(ByteRange tile, std::span<std::byte> bytes, Semaphore& semaphore);
  void write(ByteRange inside, std::span<std::byte> bytes, const ThreadPool& pool, Semaphore& semaphore);
  bool has_tensor_sum() const { return plan_.recipe.form->has_tensor_sum; }

  const Plan& plan_;
  const PlannedFile& planned_;
  const std::string target_;
  OutputFile file_;
  uint64_t tile_size_ = 0;
  std::optional<OutputDigest> digest_;
  bool digest_later_ = false;  // from what is read back: parts of the file are written last
  std::optional<RangeChecksums> checksums_;
  std::optional<Seals> seals_;
  uint64_t held_size_ = 0;       // bytes from the file's start that wait for the header, whole tiles
  std::optional<Staging> held_;  // those bytes
};

}  // namespace ckmerge
