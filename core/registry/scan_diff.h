// SPDX-License-Identifier: Apache-2.0
// What a scan has to do: the files found in folders, held against the entries of the registry. Pure, but for a look at
// the places of entries whose file was not found.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/registry/scan.h"
#include "io/file/folder_walk.h"

namespace ckmerge {

struct FileToExamine {
  std::string path, name;
  std::string root_kind;                     ///< of the root that it lies below
  std::optional<RegisteredFile> moved_from;  ///< the entry of the same file at its old place
  bool is_new = false;
};

struct ScanDiff {
  std::vector<FileToExamine> examine;
  std::vector<RegisteredFile> gone;  ///< entries below the roots, not marked yet
  uint64_t unchanged = 0, changed = 0;
};

/// `found` is sorted by path. `all_roots` name the files.
ScanDiff compare(std::span<const FoundFile> found, const std::vector<RegisteredFile>& entries,
                 std::span<const RegistryRoot> scanned, std::span<const RegistryRoot> all_roots);

/// Null when none of them holds it.
const RegistryRoot* deepest_root(const std::string& path, std::span<const RegistryRoot> roots);

bool is_below(const std::string& path, const RegistryRoot& root);

}  // namespace ckmerge
