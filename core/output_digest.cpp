// SPDX-License-Identifier: Apache-2.0
#include "core/output_digest.h"

#include <algorithm>

#include "core/permit.h"

namespace ckmerge {

void OutputDigest::add(ByteRange range, std::span<const std::byte> bytes, const Crew& crew,
                       std::counting_semaphore<>& permits) {
  pass(file_, range, bytes, crew, permits);
  const uint64_t of_header = std::min<uint64_t>(bytes.size(), header_size_ - std::min(header_size_, range.begin));
  pass(tensors_, range, bytes.subspan(of_header), crew, permits);
}

// Nobody else touches the sum of a gate whose turn is `range`, so hashing needs no lock.
void OutputDigest::pass(Gate& gate, ByteRange range, std::span<const std::byte> bytes, const Crew& crew,
                        std::counting_semaphore<>& permits) {
  {
    std::unique_lock lock(gate.mutex);
    crew.wait(lock, gate.changed, [&] { return gate.next == range.begin; });
  }
  {
    const Permit permit(permits);
    gate.sha.add(bytes);
  }
  std::lock_guard lock(gate.mutex);
  gate.next = range.end;
  gate.changed.notify_all();
}

}  // namespace ckmerge
