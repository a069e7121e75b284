// SPDX-License-Identifier: Apache-2.0
#include "core/engine/input_hashes.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/threads/thread_pool.h"
#include "io/folder/shard_names.h"
#include "io/hash/folder_sum.h"
#include "io/hash/hash_cache.h"
#include "io/hash/sha256.h"

namespace ckmerge {
namespace {

bool are_alike(const Checkpoint& a, const Checkpoint& b) {
  return std::ranges::equal(a.own_shards(), b.own_shards(), [](const InputFile& one, const InputFile& other) {
    return one.identity().same_file(other.identity());
  });
}

std::vector<size_t> first_alike(std::span<const Checkpoint> checkpoints) {
  std::vector<size_t> first(checkpoints.size());
  for (size_t k = 0; k < checkpoints.size(); ++k)
    while (!are_alike(checkpoints[first[k]], checkpoints[k])) ++first[k];
  return first;
}

// Its tensors are made of the file, in no order that this has (core/adapters/adapter_inputs).
bool is_adapter(const Plan& plan, size_t k, size_t inputs) { return k >= first_adapter(plan.recipe, inputs); }

}  // namespace

InputHashes::InputHashes(const Plan& plan, std::span<const Checkpoint> checkpoints, const RunOptions& options,
                         unsigned threads, const CachePolicy& cache, bool merge_hashes)
    : checkpoints_(checkpoints),
      options_(options),
      first_alike_(first_alike(checkpoints)),
      hashes_(checkpoints.size()) {
  for (size_t k = 0; k < checkpoints.size(); ++k)
    if (first_alike_[k] == k && !checkpoints[k].lies_in_memory()) add_files(k);
  std::vector<size_t> out_of_order;
  std::vector<const InputFile*> in_order;
  std::vector<bool> is_read_in_order;  // shards of the checkpoint that the last file was of
  for (size_t i = 0; i < files_.size(); ++i) {
    const auto k = static_cast<uint32_t>(files_[i].checkpoint);
    if (i == 0 || files_[i - 1].checkpoint != k) is_read_in_order = shards_in_order(plan, checkpoints, k);
    if (!files_[i].sha256.empty()) continue;
    const auto shard = static_cast<size_t>(files_[i].file - checkpoints[k].shards.data());
    if (!merge_hashes || is_adapter(plan, k, checkpoints.size()) || !is_read_in_order[shard]) {
      out_of_order.push_back(i);
      continue;
    }
    digested_.push_back(i);
    in_order.push_back(files_[i].file);
  }
  if (!out_of_order.empty()) hash_first(out_of_order, threads, cache.drop_behind_hashes);
  if (!in_order.empty()) digest_.emplace(in_order, cache.drop_behind_tiles);
  put_together();
}

void InputHashes::add_files(size_t k) {
  const auto before = files_.size();
  for (const InputFile& shard : checkpoints_[k].own_shards()) {
    if (!shard.is_file()) continue;  // bytes that a change of names needed
    files_.push_back({.checkpoint = k, .file = &shard});
    if (!options_.hash_cache.empty()) files_.back().sha256 = cached_sha256(options_.hash_cache, shard.identity());
  }
  if (files_.size() > before) hashes_[k].legacy_hash = legacy_hash(*files_[before].file);
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
      HashedFile& file = files_[files[i]];
      keep(file, hash_file(*file.file, drop_cache, progress));
    }
  });
}

void InputHashes::take_digest() {
  const std::vector<std::string> sums = digest_->finish();
  for (size_t i = 0; i < sums.size(); ++i) keep(files_[digested_[i]], sums[i]);
  digest_.reset();
  put_together();
}

void InputHashes::keep(HashedFile& file, const std::string& sha256) {
  file.sha256 = sha256;
  if (!options_.hash_cache.empty()) keep_sha256(options_.hash_cache, file.file->identity(), sha256, began_);
}

// Sums that the digest still has are put together by take_digest().
void InputHashes::put_together() {
  for (size_t i = 0, k = 0; i < files_.size(); i = k) {
    std::vector<NamedSum> sums;
    const Checkpoint& checkpoint = checkpoints_[files_[i].checkpoint];
    for (k = i; k < files_.size() && files_[k].checkpoint == files_[i].checkpoint; ++k)
      sums.push_back({.name = name_in_folder(checkpoint, *files_[k].file), .sha256 = files_[k].sha256});
    hashes_[files_[i].checkpoint].sha256 = sums.size() == 1 ? sums[0].sha256 : folder_sum(sums);
  }
  for (size_t k = 0; k < hashes_.size(); ++k) hashes_[k] = hashes_[first_alike_[k]];
}

}  // namespace ckmerge
