// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/element_order.h"

#include <algorithm>
#include <numeric>

namespace ckmerge {
namespace {

// Sorted at once, and merged, so that hands have something to share and the stop flag is looked at.
constexpr uint64_t kRun = uint64_t{1} << 16;

// How many of the first `rank` elements of two runs together are of the first one.
template <typename ComesFirst>
uint64_t share_of_first(std::span<const uint64_t> first, std::span<const uint64_t> second, uint64_t rank,
                        const ComesFirst& comes_first) {
  uint64_t least = rank - std::min<uint64_t>(rank, second.size()), most = std::min<uint64_t>(rank, first.size());
  while (least < most) {
    const uint64_t middle = (least + most) / 2;
    if (comes_first(first[middle], second[rank - middle - 1]))
      least = middle + 1;
    else
      most = middle;
  }
  return least;
}

}  // namespace

std::vector<uint64_t> order_of(std::span<const double> elements, const Hands& hands) {
  const uint64_t count = elements.size();
  const auto comes_first = [&](uint64_t a, uint64_t b) {
    return elements[a] < elements[b] || (elements[a] == elements[b] && a < b);
  };
  std::vector<uint64_t> order(count), merged(count);
  std::iota(order.begin(), order.end(), uint64_t{0});
  hands.share(count, kRun,
              [&](uint64_t begin, uint64_t end) { std::sort(order.data() + begin, order.data() + end, comes_first); });
  for (uint64_t run = kRun; run < count; run *= 2) {
    hands.share(count, kRun, [&](uint64_t begin, uint64_t end) {
      const uint64_t both = begin / (2 * run) * (2 * run), middle = std::min(both + run, count);
      const std::span first(order.data() + both, middle - both);
      const std::span second(order.data() + middle, std::min(both + 2 * run, count) - middle);
      const uint64_t from = share_of_first(first, second, begin - both, comes_first),
                     to = share_of_first(first, second, end - both, comes_first);
      std::merge(first.begin() + from, first.begin() + to, second.begin() + (begin - both - from),
                 second.begin() + (end - both - to), merged.begin() + begin, comes_first);
    });
    order.swap(merged);
  }
  return order;
}

}  // namespace ckmerge
