// SPDX-License-Identifier: Apache-2.0
// The order that torch gives to equal numbers on a CPU: that of libstdc++'s std::sort, which is not stable, and of
// those that torch.topk() chooses that of its std::partial_sort and std::nth_element. It is a fact of that library's
// code, which is therefore called here and not written anew. Held against torch 2.15 over lines of 5 to 300,000
// elements, of one thread and two, with every instruction set.
#pragma once

#include <cstdint>
#include <span>

#include "core/threads/hands.h"

namespace ckmerge {

/// A key and the index of its element.
template <typename Key>
struct KeyedIndex {
  Key key;
  uint32_t index;
};

/// Throws Error(usage) where this library was built with another C++ library. `what` is the parameter that asks for it.
void expect_torch_order(const char* what);

/// Sorts `keys`, whose indices are 0, 1, 2, ..., as torch.argsort() does, or torch.argsort(descending=True). Throws
/// Error(interrupted), with `keys` in any order, where the stop flag of `hands` is raised.
template <typename Key>
void sort_as_torch(std::span<KeyedIndex<Key>> keys, bool descending, const Hands& hands);

/// Brings the `count` largest of `keys`, whose indices are 0, 1, 2, ..., to their begin, in any order among themselves:
/// those that torch.topk() chooses. Throws as sort_as_torch(). REQUIRES: 0 < count <= keys.size().
template <typename Key>
void choose_as_torch(std::span<KeyedIndex<Key>> keys, uint64_t count, const Hands& hands);

extern template void choose_as_torch(std::span<KeyedIndex<uint32_t>> keys, uint64_t count, const Hands& hands);
extern template void choose_as_torch(std::span<KeyedIndex<uint64_t>> keys, uint64_t count, const Hands& hands);
extern template void sort_as_torch(std::span<KeyedIndex<uint32_t>> keys, bool descending, const Hands& hands);
extern template void sort_as_torch(std::span<KeyedIndex<uint64_t>> keys, bool descending, const Hands& hands);

}  // namespace ckmerge
