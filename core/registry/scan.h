// SPDX-License-Identifier: Apache-2.0
// Bringing a registry up to date with folders: what is new or has changed is examined, what has moved keeps its sums,
// what is gone is marked. What was found is written every few hundred files, so that a scan that was ended, in
// whatever way, is resumed there. A folder in which nothing has changed costs a look at its files' states and writes
// nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/engine/run.h"
#include "io/registry/registry.h"

namespace ckmerge {

struct ScanOptions {
  RunOptions run;       ///< threads, hash_cache, stop and on_progress: Stage::scan counts files, Stage::hash bytes
  bool hash = false;    ///< compute the sums of files that have none
  bool forget = false;  ///< remove entries of files that are gone
};

struct ScanReport {
  uint64_t found = 0;  ///< files below the folders, of which are:
  uint64_t unchanged = 0, added = 0, changed = 0, moved = 0;
  uint64_t gone = 0;       ///< entries whose file is no longer there, since the last scan
  uint64_t forgotten = 0;  ///< entries removed
  uint64_t hashed = 0;
  uint64_t unknown = 0;               ///< of those found: their tensors are not known
  uint64_t unread = 0;                ///< of those found: they could not be read, and nothing of that is recorded
  std::vector<std::string> moves;     ///< "OLD is now NEW"
  std::vector<std::string> troubles;  ///< folders and files that cannot be read, a sentence each
};

/// Scans `roots`, which become roots of the registry. Throws Error: io for a root that is not there, interrupted.
ScanReport scan(Registry& registry, std::span<const RegistryRoot> roots, const ScanOptions& options);

/// What a file at `path` is called: its path below the deepest of `roots` that holds it, else what tells it
/// (telling_name).
std::string name_below(const std::string& path, std::span<const RegistryRoot> roots);

}  // namespace ckmerge
