// SPDX-License-Identifier: Apache-2.0
#include "core/orders/torch_order.h"

#include <algorithm>
#include <version>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

#ifdef __GLIBCXX__
constexpr bool kHasTorchOrder = true;
#else
constexpr bool kHasTorchOrder = false;
#endif

// Some hundred microseconds of work.
constexpr uint32_t kComparisonsBetweenChecks = 1 << 16;

// std::sort copies it: what it counts in is elsewhere.
template <typename Key, bool kDescending>
struct ByKey {
  const Hands* hands;
  uint32_t* compared;

  bool operator()(const KeyedIndex<Key>& a, const KeyedIndex<Key>& b) const {
    if (++*compared % kComparisonsBetweenChecks == 0) hands->check();
    return kDescending ? a.key > b.key : a.key < b.key;
  }
};

}  // namespace

void expect_torch_order(const char* what) {
  if (kHasTorchOrder) return;
  throw Error(ErrorCode::usage, what,
              sentence(what,
                       " takes equal magnitudes in the order of libstdc++'s std::sort, and this ckmerge was built with "
                       "another C++ library; leave it out, or build ckmerge with libstdc++"));
}

// What is sorted may be smaller than torch's pairs: std::sort moves elements by what comparisons say, and by nothing
// else.
template <typename Key>
void sort_as_torch(std::span<KeyedIndex<Key>> keys, bool descending, const Hands& hands) {
  uint32_t compared = 0;
  if (descending)
    std::sort(keys.begin(), keys.end(), ByKey<Key, true>{&hands, &compared});
  else
    std::sort(keys.begin(), keys.end(), ByKey<Key, false>{&hands, &compared});
}

template <typename Key>
void choose_as_torch(std::span<KeyedIndex<Key>> keys, uint64_t count, const Hands& hands) {
  // Up to this share of all torch sorts what it chooses.
  constexpr uint64_t kFewOf = 64;
  uint32_t compared = 0;
  const ByKey<Key, true> before{&hands, &compared};
  const auto end = keys.begin() + static_cast<ptrdiff_t>(count);
  if (count <= keys.size() / kFewOf)
    std::partial_sort(keys.begin(), end, keys.end(), before);
  else
    std::nth_element(keys.begin(), end - 1, keys.end(), before);
}

template void choose_as_torch(std::span<KeyedIndex<uint32_t>> keys, uint64_t count, const Hands& hands);
template void choose_as_torch(std::span<KeyedIndex<uint64_t>> keys, uint64_t count, const Hands& hands);
template void sort_as_torch(std::span<KeyedIndex<uint32_t>> keys, bool descending, const Hands& hands);
template void sort_as_torch(std::span<KeyedIndex<uint64_t>> keys, bool descending, const Hands& hands);

}  // namespace ckmerge
