// SPDX-License-Identifier: Apache-2.0
// An input file, open for reading. Its tensors are seen through windows (io/file/input_windows.h), never through one
// map of the whole: with large folios the kernel maps up to 2 MiB around a fault, and in a whole map what lies outside
// the window would stay resident. Measured: 2 GiB behind a merge of two unaligned 3 GiB files. Of many files some are
// closed meanwhile, and opened again as what they were. In a file's place may stand bytes that a program has in memory;
// nothing of them is opened, mapped, cached or dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "io/file/descriptor_pool.h"

namespace ckmerge {

/// Which file it is and which state of it, to notice aliases and changes.
struct FileIdentity {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t mtime_seconds = 0, mtime_nanoseconds = 0;
  int64_t ctime_seconds = 0, ctime_nanoseconds = 0;  ///< the status time: nobody can put it back
  bool same_file(const FileIdentity& other) const { return device == other.device && inode == other.inode; }
};

/// Bytes that a program has, in place of a file.
struct MemoryBytes {
  uint64_t size = 0;  ///< of all that is read of them, for those who count
  /// Copies bytes from `offset` on; throws Error. Thread-safe. Null: offsets are addresses of this process.
  std::function<void(uint64_t offset, std::span<std::byte> out)> read = {};
};

/// A copy is the same open file.
class InputFile {
 public:
  /// Opens a regular file. Throws Error(io) with path and reason.
  explicit InputFile(const std::string& path);
  /// Of an open descriptor, which it takes: the first `size` bytes of what will be `path`. Throws Error(io).
  InputFile(int descriptor, const std::string& path, uint64_t size);
  /// No file, but `bytes`, which go by the name `path`. Two of one name count as the same file.
  InputFile(MemoryBytes bytes, const std::string& path);

  const std::string& path() const;
  const FileIdentity& identity() const;
  uint64_t size() const;
  /// For InputWindows; null where there is no file. Opens it again where it was closed: throws Error(malformed) where
  /// it is no longer the same, or is not as it was, Error(io) where it cannot be opened.
  DescriptorLease descriptor() const;

  bool is_file() const;
  /// Where the byte at `offset` lies, of bytes that offsets are the addresses of; else null.
  const std::byte* address_of(uint64_t offset) const;
  /// Whether windows can show it without a copy: all but bytes that have to be asked for.
  bool can_be_shown() const;

  /// Whether it lies in memory, its own or a tmpfs's, where reading waits for no device.
  bool in_memory() const;

  /// Copies [offset, offset + out.size()), for headers and what no window shows. Throws Error(io | malformed).
  /// Thread-safe, as all that follow.
  void read_at(uint64_t offset, std::span<std::byte> out) const;

  /// Throws Error(malformed) when the file's size or modification time is no longer what it was at open. The status
  /// time does not count: a link, a new name or other rights change it too, and must not cost somebody a long merge.
  /// Of memory nothing can be told: its owner keeps it as it is.
  void check_unchanged() const;

  /// Throws the error that explains why the byte at `offset` could not be read: Error(malformed) when the file has been
  /// truncated, else Error(io) with the system's reason, or with `error` where that succeeds now.
  [[noreturn]] void fail_read(uint64_t offset, int error) const;

  /// Begins to bring bytes [begin, end) into the system's cache, those and no others, and waits for nothing.
  void will_need(uint64_t begin, uint64_t end) const noexcept;

  /// Lets the system's cached copy of these bytes go. Pages that are mapped somewhere stay.
  void drop_cache(uint64_t begin, uint64_t end) const noexcept;

 private:
  DescriptorLease descriptor_if_there() const noexcept;

  struct State;
  std::shared_ptr<State> state_;  // never null, but of one that was moved from
};

}  // namespace ckmerge
