// SPDX-License-Identifier: Apache-2.0
// The output: a partial file beside the target that becomes the target in one step, or disappears (invariant I4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "io/file/input_file.h"
#include "io/file/output_target.h"

namespace ckmerge {

struct OutputOptions {
  bool replace = false;                ///< an existing target may be replaced
  bool sync = true;                    ///< make it durable: data, then the rename
  bool sync_folder = true;             ///< with `sync`; else the rename is somebody else's to make durable
  std::function<bool()> stopped = {};  ///< asked while space is reserved, which can take long on a tmpfs
  bool drop_cache = false;             ///< speed only: do not leave written pages in the page cache
  uint32_t mode = 0666;                ///< of a new file, less the umask; one that is replaced keeps its own within it
};

class OutputFile {
 public:
  /// Memory and file offsets of write_at() in multiples of this take the fast path (direct I/O where it exists).
  static constexpr uint64_t kAlignment = 4096;

  /// Refuses, before anything is created, what check_target() refuses. Then takes the lock of the partial file, looks
  /// at the target once more, refuses a disk with less than `size` bytes free, and reserves the space. Throws
  /// TargetTaken where the target exists or another run is writing it, Error(usage | io | resources | interrupted).
  OutputFile(const std::string& target, uint64_t size, std::span<const FileIdentity> inputs, OutputOptions options);
  /// A sink that keeps nothing, for benchmarks: write_at() and commit() do nothing, and nothing can be read back.
  static OutputFile discarding() { return OutputFile(); }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();  ///< not committed: the partial file is removed

  /// Writes all of `bytes`. Thread-safe for ranges that do not overlap. REQUIRES: offset and bytes.data() are multiples
  /// of kAlignment, and bytes.size() too unless the range ends the file. A last range's buffer has room up to the next
  /// multiple. Throws Error(io | resources).
  void write_at(uint64_t offset, std::span<const std::byte> bytes);

  /// Makes the data durable (with options.sync) and lets go of cached copies, so that read_back() reads the disk. After
  /// the last write_at(), before commit(). Throws Error(io | resources).
  void begin_read_back();

  /// Reads [offset, offset + out.size()) of what is on the disk, with direct I/O where it exists. REQUIRES: as for
  /// write_at(). Thread-safe. Throws Error(io).
  void read_back(uint64_t offset, std::span<std::byte> out) const;

  /// What was written, to be opened as any file is. After begin_read_back(); nothing is written afterwards. Throws
  /// Error(io).
  InputFile as_input() const;

  /// REQUIRES: every byte was written. Makes the target exist: mode set, data synced, size and first bytes seen to be
  /// as written, renamed, folder synced. Throws Error(io | usage | resources); then the target is what it was before,
  /// save where the error says that it is complete and only its folder was not synced.
  void commit();

  /// How bytes are moved here ("direct writes, space reserved"), for -v.
  std::string description() const;

 private:
  OutputFile();
  struct State;
  std::unique_ptr<State> state_;  // null: discards
};

}  // namespace ckmerge
