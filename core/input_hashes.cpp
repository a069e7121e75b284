// SPDX-License-Identifier: Apache-2.0
#include "core/input_hashes.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <utility>

#include "core/crew.h"
#include "io/hash_cache.h"
#include "io/sha256.h"

namespace ckmerge {
namespace {

const InputFile& file_of(const Checkpoint& checkpoint) { return checkpoint.shards[0]; }

std::string sha256_of(const InputFile& file, const RunOptions& options, bool drop_cache, Crew& crew) {
  std::string known;
  if (!options.hash_cache.empty()) known = cached_sha256(options.hash_cache, file.identity());
  if (!known.empty()) {
    crew.add_done(file.size());
    return known;
  }
  const auto began = std::chrono::system_clock::now();
  uint64_t reported = 0;
  std::string sha256 = hash_file(file, drop_cache, [&](uint64_t done) {
    crew.add_done(done - std::exchange(reported, done));
    crew.check();
  });
  if (!options.hash_cache.empty()) keep_sha256(options.hash_cache, file.identity(), sha256, began);
  return sha256;
}

// For each checkpoint, the first that is the same file.
std::vector<size_t> first_alike(std::span<const Checkpoint> checkpoints) {
  std::vector<size_t> first(checkpoints.size());
  for (size_t k = 0; k < checkpoints.size(); ++k)
    while (!file_of(checkpoints[first[k]]).identity().same_file(file_of(checkpoints[k]).identity())) ++first[k];
  return first;
}

}  // namespace

std::vector<InputHash> hash_inputs(std::span<const Checkpoint> checkpoints, const RunOptions& options, unsigned threads,
                                   bool drop_cache) {
  const std::vector<size_t> first = first_alike(checkpoints);
  std::vector<InputHash> hashes(checkpoints.size());
  uint64_t total = 0;
  for (size_t k = 0; k < checkpoints.size(); ++k)
    if (first[k] == k) total += file_of(checkpoints[k]).size();
  Crew crew(options, Stage::hash, total);
  std::atomic<size_t> next{0};
  crew.run(std::min<unsigned>(threads, static_cast<unsigned>(checkpoints.size())), [&] {
    for (size_t k; !crew.stopping() && (k = next++) < checkpoints.size();) {
      const InputFile& file = file_of(checkpoints[k]);
      if (first[k] == k)
        hashes[k] = {.sha256 = sha256_of(file, options, drop_cache, crew), .legacy_hash = legacy_hash(file)};
    }
  });
  for (size_t k = 0; k < checkpoints.size(); ++k) hashes[k] = hashes[first[k]];
  return hashes;
}

}  // namespace ckmerge
