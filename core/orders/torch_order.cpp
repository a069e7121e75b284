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
void sort_as_torch(std::span<KeyedIndex<Key>> keys, bool descending) {
  using Entry = KeyedIndex<Key>;
  if (descending)
    std::sort(keys.begin(), keys.end(), [](const Entry& a, const Entry& b) { return a.key > b.key; });
  else
    std::sort(keys.begin(), keys.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
}

template void sort_as_torch(std::span<KeyedIndex<uint32_t>> keys, bool descending);
template void sort_as_torch(std::span<KeyedIndex<uint64_t>> keys, bool descending);

}  // namespace ckmerge
