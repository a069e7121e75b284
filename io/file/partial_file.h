// SPDX-License-Identifier: Apache-2.0
// The partial file: a hidden file beside the target, named after it and locked, so that a second run to the same target
// sees the first, and one that was killed leaves something the next run recognises and takes over. It becomes the
// target or disappears. All is done through the folder's descriptor, so that a folder that is moved meanwhile takes the
// file along. O_TMPFILE would leave nothing behind, but cannot replace an existing file in one step and is
// missing on many filesystems.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "io/file/close_watch.h"
#include "io/file/descriptor_pool.h"
#include "io/file/input_file.h"

namespace ckmerge {

class PartialFile {
 public:
  /// Makes a fresh, locked partial file beside what `target` leads to. `mode` is a new target's, less the umask; where
  /// one is to be replaced, nobody else can read the partial file. Throws TargetTaken where another run holds it,
  /// Error(usage) where a file of that name is no partial file of ours, Error(io | resources).
  /// Where the folder is `own`, nobody else writes there, so that the file is not locked, and of many such files some
  /// are closed meanwhile (io/file/descriptor_pool.h): thousands may be written at once.
  PartialFile(const std::string& target, std::span<const FileIdentity> inputs, uint32_t mode, bool own = false);
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  ~PartialFile();  ///< removed, unless put_in_place() has returned

  /// For reading and writing, with `flags` where the file has to be opened again. Throws Error(io | resources), also
  /// for what was lost when it was closed.
  DescriptorLease descriptor(int flags = 0) const;

  /// Takes over mode, and owner where that is allowed, of the file that is to be replaced; nobody gets a right by that
  /// which `mode` does not give. Throws Error(io).
  void take_over_mode() const;

  /// In one step, becomes the target, and is written no more. Throws Error(usage) where one appeared that may not be
  /// replaced, Error(io | resources).
  void put_in_place(bool replace);

  /// Makes the new name durable. Throws Error(io).
  void sync_folder() const;

 private:
  struct Names {};
  PartialFile(Names, const std::string& target, uint32_t mode, bool own);
  uint32_t mode_to_begin_with() const;
  int open_at_path(int flags, uint32_t mode) const;
  int remove_name() const;
  bool still_named() const;
  const FileIdentity* identity() const;
  [[noreturn]] void fail_unexamined() const;
  bool is_of_group(uint32_t group) const;
  bool lock() const;
  bool make(std::span<const FileIdentity> inputs);
  void remove_stale(std::span<const FileIdentity> inputs) const;
  void expect_kept() const;
  DescriptorLease keep(int descriptor) const;
  void let_go();

  std::string target_;  // as given, for messages
  std::string final_;   // links resolved
  std::string path_;    // for messages; the file is reached by its name in folder_
  std::string name_, final_name_;
  const uint32_t mode_;
  const bool in_own_folder_;
  DescriptorLease folder_;
  mutable DescriptorLease held_;                  // but in a folder of its own
  mutable DescriptorPool::Place place_;           // there
  CloseWatch closes_;                             // there
  mutable std::optional<FileIdentity> identity_;  // which file it is, once that was asked
  bool owned_ = false;
};

/// fsync, begun again when a signal ended it.
int sync_file(int descriptor);

}  // namespace ckmerge
