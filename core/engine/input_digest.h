// SPDX-License-Identifier: Apache-2.0
// The inputs' SHA-256 sums, taken while a merge reads them. A file's sum needs its bytes in order, and tiles need them
// in that order too where input and output are laid out alike, which the reference library's files are. So a file has a
// gate that tiles pass one at a time: each hashes what its windows show, and reads what no tile needs.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"
#include "core/read/window_batch.h"
#include "core/threads/semaphore.h"
#include "core/threads/thread_pool.h"
#include "io/hash/sha256.h"

namespace ckmerge {

/// Of each shard of checkpoint `k` whether a merge in the order of the output reads it from front to back, in whatever
/// order it passes from one to another.
std::vector<bool> shards_in_order(const Plan& plan, std::span<const Checkpoint> checkpoints, uint32_t k);

class InputDigest {
 public:
  /// Of `files`, whose bytes read beside the windows leave the page cache with `drop_cache`.
  InputDigest(std::span<const InputFile* const> files, bool drop_cache);

  /// Hashes all files up to the ends of `windows`, or to their own ends where `last`. `batch`, a range of the output,
  /// says whose turn it is: each begins where another ended, the first at 0. REQUIRES: batches are handed out in order,
  /// so that the one next in order never waits. Throws as InputFile::read_at() does.
  void add(ByteRange batch, const WindowBatch& windows, bool last, const ThreadPool& pool, Semaphore& semaphore);

  /// Once, after the last batch: the sum of each file.
  std::vector<std::string> finish();

 private:
  struct Gate {
    const InputFile* file = nullptr;
    Sha256 sha;
    uint64_t next = 0;  // offset in the file of the first byte not hashed; touched by the batch at `turn` only
    std::mutex mutex;
    std::condition_variable changed;
    uint64_t turn = 0;  // offset in the output of the next batch
  };
  void pass(Gate& gate, const WindowBatch& windows, bool last, const ThreadPool& pool, Semaphore& semaphore) const;
  void read_up_to(Gate& gate, uint64_t end, const ThreadPool& pool, Semaphore& semaphore) const;

  std::vector<std::unique_ptr<Gate>> gates_;
  const bool drop_cache_;
};

}  // namespace ckmerge
