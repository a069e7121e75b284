// SPDX-License-Identifier: Apache-2.0
#include "core/orders/slab_source.h"

#include <algorithm>

#include "core/threads/semaphore.h"

namespace ckmerge {

ptrdiff_t slab_makers(const Hands& hands, size_t operands) {
  constexpr size_t kMost = 8;
  const size_t together = std::clamp<size_t>(hands.threads, 1, kMost);
  return static_cast<ptrdiff_t>((together + operands - 1) / operands);
}

uint64_t SlabSource::memory(const OrderedTensor& tensor) const {
  const RankedLines lines = lines_of(tensor);
  const uint64_t making = making_memory(tensor, lines.at_a_time());
  const uint64_t strip = held_size(lines.at_a_time() * lines.slab());
  if (are_large(lines)) return making + HeldStrips::memory(capacity_, kRecentLarge, strip);
  return static_cast<uint64_t>(makers_) * making + HeldStrips::memory(capacity_, kRecent, strip);
}

void SlabSource::read(const OrderedTensor& tensor, uint64_t begin, std::span<std::byte> out) {
  const RankedLines lines = lines_of(tensor);
  const uint64_t size = lines.at_a_time() * lines.slab() * element_size(dtype());
  HeldStrips& strips = are_large(lines) ? large_ : strips_;
  while (!out.empty()) {
    const uint64_t strip = begin / size, inside = begin % size, here = std::min<uint64_t>(out.size(), size - inside);
    put(*strips.get({tensor.begin, strip}, [&] { return made(tensor, strip); }), inside, out.first(here));
    begin += here;
    out = out.subspan(here);
  }
}

std::vector<std::byte> SlabSource::made(const OrderedTensor& tensor, uint64_t strip) {
  const RankedLines lines = lines_of(tensor);
  std::unique_lock alone(alone_, std::defer_lock);
  if (are_large(lines)) alone.lock();
  const ptrdiff_t turns = are_large(lines) ? makers_ : 1;
  for (ptrdiff_t turn = 0; turn < turns; ++turn) making_.acquire();
  const struct Leaving {
    Semaphore& making;
    ptrdiff_t turns;
    ~Leaving() { making.release(turns); }
  } leaving{making_, turns};
  const uint64_t first = strip * lines.at_a_time();
  return make(tensor, first, std::min(lines.at_a_time(), lines.slabs - first));
}

}  // namespace ckmerge
