// SPDX-License-Identifier: Apache-2.0
#include "core/engine/input_hashes.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/threads/thread_pool.h"
#include "io/hash/hash_cache.h"
#include "io/hash/sha256.h"

namespace ckmerge {
namespace {

const InputFile& file_of(const Checkpoint& checkpoint) { return checkpoint.shards[0]; }

std::vector<size_t> first_alike(std::span<const Checkpoint> checkpoints) {
  std::vector<size_t> first(checkpoints.size());
  for (size_t k = 0; k < checkpoints.size(); ++k)
    while (!file_of(checkpoints[first[k]]).identity().same_file(file_of(checkpoints[k]).identity())) ++first[k];
  return first;
}

}  // namespace

InputHashes::InputHashes(const Plan& plan, std::span<const Checkpoint> checkpoints, const RunOptions& options,
                         unsigned threads, const CachePolicy& cache, bool merge_hashes)
    : checkpoints_(checkpoints),
      options_(options),
      first_alike_(first_alike(checkpoints)),
      hashes_(checkpoints.size()) {
  std::vector<size_t> out_of_order;
  std::vector<const InputFile*> in_order;
  for (size_t k = 0; k < checkpoints.size(); ++k) {
    if (first_alike_[k] != k || checkpoints[k].lies_in_memory()) continue;
    const InputFile& file = file_of(checkpoints[k]);
    hashes_[k].legacy_hash = legacy_hash(file);
    if (!options.hash_cache.empty()) hashes_[k].sha256 = cached_sha256(options.hash_cache, file.identity());
    if (is_known(k)) continue;
    if (!merge_hashes || !follows_output(plan, checkpoints, static_cast<uint32_t>(k))) {
      out_of_order.push_back(k);
      continue;
    }
    digested_.push_back(k);
    in_order.push_back(&file);
  }
  if (!out_of_order.empty()) hash_first(out_of_order, threads, cache.drop_behind_hashes);
  if (!in_order.empty()) digest_.emplace(in_order, cache.drop_behind_tiles);
  share();
}

void InputHashes::hash_first(const std::vector<size_t>& files, unsigned threads, bool drop_cache) {
  uint64_t total = 0;
  for (const size_t k : files) total += file_of(checkpoints_[k]).size();
  ThreadPool pool(options_.observer(), Stage::hash, total);
  std::atomic<size_t> next{0};
  pool.run(std::min<unsigned>(threads, static_cast<unsigned>(files.size())), [&] {
    for (size_t i; !pool.stopping() && (i = next++) < files.size();) {
      uint64_t reported = 0;
      const auto progress = [&](uint64_t done) {
        pool.add_done(done - std::exchange(reported, done));
        pool.check();
      };
      keep(files[i], hash_file(file_of(checkpoints_[files[i]]), drop_cache, progress));
    }
  });
}

void InputHashes::take_digest() {
  const std::vector<std::string> sums = digest_->finish();
  for (size_t i = 0; i < sums.size(); ++i) keep(digested_[i], sums[i]);
  digest_.reset();
  share();
}

void InputHashes::keep(size_t k, const std::string& sha256) {
  hashes_[k].sha256 = sha256;
  if (!options_.hash_cache.empty())
    keep_sha256(options_.hash_cache, file_of(checkpoints_[k]).identity(), sha256, began_);
}

void InputHashes::share() {
  for (size_t k = 0; k < hashes_.size(); ++k) hashes_[k] = hashes_[first_alike_[k]];
}

}  // namespace ckmerge
