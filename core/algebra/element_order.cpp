// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/element_order.h"

#include <algorithm>
#include <numeric>

namespace ckmerge {
namespace {

// Sorted at once, so that hands have something to share and the stop flag is looked at.
constexpr uint64_t kRun = uint64_t{1} << 16;

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
    hands.share(count, 2 * run, [&](uint64_t begin, uint64_t end) {
      const uint64_t middle = std::min(begin + run, end);
      const uint64_t* const from = order.data();
      std::merge(from + begin, from + middle, from + middle, from + end, merged.data() + begin, comes_first);
    });
    order.swap(merged);
  }
  return order;
}

}  // namespace ckmerge
