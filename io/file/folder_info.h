// SPDX-License-Identifier: Apache-2.0
// What a folder is like as the place of an output. The way of writing is found by OutputFile itself, with a small file
// that it removes, so that what is reported is what a merge would do.
#pragma once

#include <cstdint>
#include <string>

namespace ckmerge {

struct FolderInfo {
  std::string filesystem = {};  ///< "ext4", "tmpfs", "nfs4", ...; empty where the system does not say
  uint64_t size = 0, free = 0;  ///< bytes, those that root alone may use not counted as free
  bool in_memory = false;       ///< writing waits for no device
  std::string writes = {};      ///< OutputFile::description(); empty when nothing can be written
  std::string trouble = {};     ///< why nothing can be written: a sentence; empty when it can
};

/// Makes a file called `probe` in `folder` and removes it. Never throws Error.
FolderInfo examine_folder(const std::string& folder, const std::string& probe);

/// Whether a file could be written at `path`, its missing folders made. Makes nothing.
bool file_can_be_written(const std::string& path);

}  // namespace ckmerge
