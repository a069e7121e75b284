// SPDX-License-Identifier: Apache-2.0
#include "core/engine/output_digest.h"

#include <algorithm>

#include "core/threads/semaphore.h"
#include "core/threads/semaphore_lock.h"

namespace ckmerge {

void OutputDigest::add(ByteRange range, std::span<const std::byte> bytes, const ThreadPool& pool,
                       Semaphore& semaphore) {
  pass(file_, range, bytes, pool, semaphore);
  const uint64_t of_header = std::min<uint64_t>(bytes.size(), header_size_ - std::min(header_size_, range.begin));
  pass(tensors_, range, bytes.subspan(of_header), pool, semaphore);
}

// Nobody else touches the sum of a gate whose turn is `range`, so hashing needs no lock.
void OutputDigest::pass(Gate& gate, ByteRange range, std::span<const std::byte> bytes, const ThreadPool& pool,
                        Semaphore& semaphore) {
  {
    std::unique_lock lock(gate.mutex);
    pool.wait(lock, gate.changed, [&] { return gate.next == range.begin; });
  }
  {
    const SemaphoreLock computing(semaphore);
    gate.sha.add(bytes);
  }
  std::lock_guard lock(gate.mutex);
  gate.next = range.end;
  gate.changed.notify_all();
}

}  // namespace ckmerge
