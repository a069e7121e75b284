// SPDX-License-Identifier: Apache-2.0
// A file mapped for reading, in windows that come and go: what a tile needs is brought in before it is touched, so that
// a fault is an error code here and not a signal in a kernel, and let go of behind it, so that resident memory stays
// small.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace ckmerge {

/// Which file it is and which state of it, to notice aliases and changes.
struct FileIdentity {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t mtime_seconds = 0, mtime_nanoseconds = 0;
  bool same_file(const FileIdentity& other) const { return device == other.device && inode == other.inode; }
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

class MappedFile {
 public:
  /// Opens and maps a regular file. Throws Error(io) with path and reason.
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  ~MappedFile();

  const std::string& path() const;
  const FileIdentity& identity() const;
  uint64_t size() const;

  /// The whole file. Touch only what populate() brought in, or call install_sigbus_guard() first.
  const std::byte* data() const;

  /// Copies [offset, offset + out.size()) by read(), for headers. Throws Error(io | malformed).
  void read_at(uint64_t offset, std::span<std::byte> out) const;

  /// Makes [offset, offset + size) resident. Throws Error(malformed) when the file has been truncated, Error(io) when
  /// the device cannot be read. Thread-safe.
  void populate(uint64_t offset, uint64_t size) const;

  /// Lets go of whole pages inside the range; with `page_cache`, of the system's cached copy as well. Thread-safe.
  void release(uint64_t offset, uint64_t size, bool page_cache) const noexcept;

  /// Throws when a fault was caught inside this map since it was made (see install_sigbus_guard), or when the file's
  /// size or modification time is no longer what it was at open.
  void check_unchanged() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Installs a process-wide SIGBUS handler that replaces a faulting page of any MappedFile by zeros and marks that file,
/// so that the run ends with an error from check_unchanged(). Faults elsewhere keep their old handling. This is the
/// library's only signal handler (invariant I7); programs call it once, before the first merge.
void install_sigbus_guard();

}  // namespace ckmerge
