// SPDX-License-Identifier: Apache-2.0
#include "core/engine/input_hashes.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "core/engine/model_sum.h"
#include "core/threads/thread_pool.h"
#include "io/hash/hash_cache.h"
#include "io/hash/sha256.h"

namespace ckmerge {

InputHashes::InputHashes(const Plan& plan, std::span<const Checkpoint> checkpoints, const RunOptions& options,
                         unsigned threads, const CachePolicy& cache, bool merge_hashes)
    : checkpoints_(checkpoints), options_(options), hashes_(checkpoints.size()) {
  find_files();
  std::vector<bool> in_order(files_.size(), merge_hashes);
  std::vector<bool> seen(files_.size());
  for (size_t k = 0; k < checkpoints.size() && merge_hashes; ++k) {
    const std::vector<bool> shards = shards_in_order(plan, checkpoints, static_cast<uint32_t>(k));
    // Of inputs that have a file both the first is the digest's.
    for (size_t s = 0; s < shards_of_[k].size(); ++s)
      if (const size_t i = shards_of_[k][s]; !seen[i]) {
        seen[i] = true;
        in_order[i] = shards[s];
      }
  }
  std::vector<size_t> out_of_order;
  std::vector<const InputFile*> digested;
  for (size_t i = 0; i < files_.size(); ++i) {
    if (!options.hash_cache.empty()) files_[i].sha256 = cached_sha256(options.hash_cache, files_[i].file->identity());
    if (!files_[i].sha256.empty()) continue;
    if (!in_order[i]) {
      out_of_order.push_back(i);
      continue;
    }
    digested_.push_back(i);
    digested.push_back(files_[i].file);
  }
  if (!out_of_order.empty()) hash_first(out_of_order, threads, cache.drop_behind_hashes);
  if (!digested.empty()) digest_.emplace(digested, cache.drop_behind_tiles);
  combine();
}

void InputHashes::find_files() {
  std::map<std::pair<uint64_t, uint64_t>, size_t> known;  // by device and inode
  for (const Checkpoint& checkpoint : checkpoints_) {
    std::vector<size_t>& shards = shards_of_.emplace_back();
    if (checkpoint.lies_in_memory()) continue;
    for (const InputFile& file : checkpoint.shards) {
      const auto [place, is_new] =
          known.emplace(std::pair(file.identity().device, file.identity().inode), files_.size());
      shards.push_back(place->second);
      if (is_new) files_.push_back({.file = &file});
    }
  }
}

void InputHashes::hash_first(const std::vector<size_t>& files, unsigned threads, bool drop_cache) {
  uint64_t total = 0;
  for (const size_t i : files) total += files_[i].file->size();
  ThreadPool pool(options_.observer(), Stage::hash, total);
  std::atomic<size_t> next{0};
  pool.run(std::min<unsigned>(threads, static_cast<unsigned>(files.size())), [&] {
    for (size_t i; !pool.stopping() && (i = next++) < files.size();) {
      uint64_t reported = 0;
      const auto progress = [&](uint64_t done) {
        pool.add_done(done - std::exchange(reported, done));
        pool.check();
      };
      keep(files[i], hash_file(*files_[files[i]].file, drop_cache, progress));
    }
  });
}

void InputHashes::take_digest() {
  const std::vector<std::string> sums = digest_->finish();
  for (size_t i = 0; i < sums.size(); ++i) keep(digested_[i], sums[i]);
  digest_.reset();
  combine();
}

void InputHashes::keep(size_t i, const std::string& sha256) {
  files_[i].sha256 = sha256;
  if (!options_.hash_cache.empty()) keep_sha256(options_.hash_cache, files_[i].file->identity(), sha256, began_);
}

// Of those whose files all have their sums. What A1111 of old called a model was its one file.
void InputHashes::combine() {
  for (size_t k = 0; k < hashes_.size(); ++k) {
    const std::vector<size_t>& shards = shards_of_[k];
    const auto is_known = [&](size_t i) { return !files_[i].sha256.empty(); };
    if (shards.empty() || !std::ranges::all_of(shards, is_known)) continue;
    std::vector<std::string> sums;
    for (const size_t i : shards) sums.push_back(files_[i].sha256);
    hashes_[k].sha256 = sum_of_shards(checkpoints_[k], sums);
    if (shards.size() == 1 && hashes_[k].legacy_hash.empty())
      hashes_[k].legacy_hash = legacy_hash(*files_[shards[0]].file);
  }
}

}  // namespace ckmerge
