// SPDX-License-Identifier: Apache-2.0
// How much of a PyTorch file is read, and so how much is written into one: what ckmerge writes, it reads. All are far
// above what programs write (10^6 tensors take some 150 MB of pickle, 15 million values and 20 million items), and
// bound the memory that a hostile file can take.
#pragma once

#include <cstdint>

namespace ckmerge {

inline constexpr uint64_t kMostZipEntries = 1 << 21;
inline constexpr uint64_t kLargestPickle = 256 << 20;   ///< bytes, of all pickles of a stream together
inline constexpr uint64_t kMostPickleValues = 1 << 25;  ///< 16 bytes each
inline constexpr uint64_t kMostPickleItems = 1 << 26;   ///< of lists, dicts and tuples; 4 bytes each

}  // namespace ckmerge
