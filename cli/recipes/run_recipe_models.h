// SPDX-License-Identifier: Apache-2.0
// `ckmerge run --models DIR`: finding a recorded merge's inputs among the checkpoints below a folder, by hash where one
// was recorded. Hashing is slow, so files of the recorded name are tried first, then those whose sum is known, then all
// others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/engine/run.h"

namespace ckmerge::cli {

/// What a recipe would call the file at `path`, as recorded_names() does.
std::string recorded_name(const std::string& path);

/// The SHA-256 of a checkpoint's file, from run.hash_cache or by reading it, or of the list of sums of several. Throws
/// Error(io | malformed | mismatch | interrupted).
std::string sha256_of_checkpoint(const std::string& path, const RunOptions& run);

class ModelsFolder {
 public:
  /// Lists the checkpoints below `folder`, sorted, of shards the first, and pipelines' folders; links to folders are
  /// not followed. Throws Error(io).
  ModelsFolder(const std::string& folder, const RunOptions& run);

  /// The first file that has this hash. Throws Error(usage) when none does. `letter` and `name` are the input's.
  std::string find_by_hash(const std::string& letter, const std::string& name, const std::string& sha256);

  /// The file of this base name, or the one in a folder of this name. Throws Error(usage) when there is none, or more
  /// than one.
  std::string find_by_name(const std::string& letter, const std::string& name) const;

 private:
  std::vector<std::string> called(const std::string& name) const;
  bool has_hash(const std::string& path, const std::string& sha256);
  bool is_known_to_have_hash(const std::string& path, const std::string& sha256) const;

  std::string folder_;
  const RunOptions& run_;
  std::vector<std::string> paths_;
  std::map<std::string, std::string> sums_;  // of the paths hashed so far; empty where one cannot be read
  std::vector<std::string> unreadable_;      // why, a sentence each
};

}  // namespace ckmerge::cli
