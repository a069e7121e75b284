// SPDX-License-Identifier: Apache-2.0
// The SHA-256 sums of the inputs' files, for the recipe that goes into the output (recipe.hash): known from before,
// hashed before the merge, or hashed by the merge as it reads them.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/engine/input_digest.h"
#include "core/engine/run.h"
#include "core/read/cache_policy.h"
#include "core/recipe/provenance.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

class InputHashes {
 public:
  /// Looks into options.hash_cache, then hashes files that the merge will not read from front to back, each on one of
  /// up to `threads` threads; all of them unless `merge_hashes`. Throws Error(io | malformed | interrupted).
  InputHashes(const Plan& plan, std::span<const Checkpoint> checkpoints, const RunOptions& options, unsigned threads,
              const CachePolicy& cache, bool merge_hashes = true);

  /// What the merge has to feed, or null when all sums are there.
  InputDigest* digest() { return digest_ ? &*digest_ : nullptr; }

  /// After the merge has fed digest(): takes its sums, and keeps them in the cache.
  void take_digest();

  /// One entry per checkpoint, empty for those in memory; of several files the sum of the list of their sums
  /// (io/hash/folder_sum). REQUIRES: digest() is null.
  const std::vector<InputHash>& hashes() const { return hashes_; }

 private:
  // A file of a checkpoint, and its sum as soon as that is known.
  struct HashedFile {
    size_t checkpoint;
    const InputFile* file;
    std::string sha256 = {};
  };
  void add_files(size_t k);
  void hash_first(const std::vector<size_t>& files, unsigned threads, bool drop_cache);
  void keep(HashedFile& file, const std::string& sha256);
  void put_together();

  std::span<const Checkpoint> checkpoints_;
  const RunOptions& options_;
  const std::chrono::system_clock::time_point began_ = std::chrono::system_clock::now();
  std::vector<size_t> first_alike_;  // per checkpoint: the first that is the same files
  std::vector<InputHash> hashes_;
  std::vector<HashedFile> files_;  // of the checkpoints that are the first of their kind, in order
  std::vector<size_t> digested_;   // of these, in the order of the digest's files
  std::optional<InputDigest> digest_;
};

}  // namespace ckmerge
