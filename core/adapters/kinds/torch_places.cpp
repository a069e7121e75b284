// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/kinds/torch_places.h"

#include <random>
#include <unordered_map>
#include <utility>

namespace ckmerge {

// Numbers 0 to count - 1 are swapped from the front on, each with one behind it or itself; those that were swapped are
// remembered, all others are where they were.
std::vector<uint64_t> torch_places(uint64_t seed, uint64_t count, uint64_t wanted) {
  std::mt19937 words(static_cast<uint32_t>(seed));  // the standard's and torch's are the same generator
  std::unordered_map<uint64_t, uint64_t> swapped;
  const auto at = [&](uint64_t i) {
    const auto found = swapped.find(i);
    return found == swapped.end() ? i : found->second;
  };
  std::vector<uint64_t> places(wanted);
  for (uint64_t i = 0; i < wanted; ++i) {
    // The last number has nothing left to be swapped with, and draws no word.
    const uint64_t other = i + 1 < count ? i + words() % (count - i) : i;
    places[i] = at(other);
    swapped[other] = at(i);
  }
  return places;
}

}  // namespace ckmerge
