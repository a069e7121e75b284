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

  /// One entry per checkpoint, empty for those in memory. REQUIRES: digest() is null.
  const std::vector<InputHash>& hashes() const { return hashes_; }

 private:
  bool is_known(size_t k) const { return !hashes_[k].sha256.empty(); }
  void hash_first(const std::vector<size_t>& files, unsigned threads, bool drop_cache);
  void keep(size_t k, const std::string& sha256);
  void share();

  std::span<const Checkpoint> checkpoints_;
  const RunOptions& options_;
  const std::chrono::system_clock::time_point began_ = std::chrono::system_clock::now();
  std::vector<size_t> first_alike_;  // per checkpoint: the first that is the same file
  std::vector<InputHash> hashes_;
  std::vector<size_t> digested_;  // checkpoints, in the order of the digest's files
  std::optional<InputDigest> digest_;
};

}  // namespace ckmerge
