// SPDX-License-Identifier: Apache-2.0
// The output's SHA-256 sums, of the whole file and of its tensors' bytes alone (AutoV3), taken behind the writers. Both
// go through the bytes in order, so each is a gate that tiles pass one at a time; while a tile is at the second gate,
// the next is at the first, and two cores hash.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>

#include "core/read/source_read.h"
#include "core/threads/semaphore.h"
#include "core/threads/thread_pool.h"
#include "io/hash/sha256.h"

namespace ckmerge {

class OutputDigest {
 public:
  explicit OutputDigest(uint64_t header_size) : header_size_(header_size) {}

  /// Adds the bytes of one tile, after those before it: waits for them. REQUIRES: they have been handed out, so that
  /// the tile next in order never waits.
  void add(ByteRange range, std::span<const std::byte> bytes, const ThreadPool& pool, Semaphore& semaphore);

  /// Once, after the last tile.
  std::string file_sha256() { return file_.sha.finish(); }
  std::string tensor_sha256() { return tensors_.sha.finish(); }

 private:
  struct Gate {
    Sha256 sha;
    std::mutex mutex;
    std::condition_variable changed;
    uint64_t next = 0;  // offset of the tile whose turn it is
  };
  static void pass(Gate& gate, ByteRange range, std::span<const std::byte> bytes, const ThreadPool& pool,
                   Semaphore& semaphore);

  const uint64_t header_size_;
  Gate file_, tensors_;
};

}  // namespace ckmerge
