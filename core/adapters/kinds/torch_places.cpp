// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/kinds/torch_places.h"

#include <random>
#include <unordered_map>
#include <utility>

namespace ckmerge {
namespace {

using Words = std::mt19937;  // the standard's and torch's are the same generator

// Where torch begins to draw 64 bits for each place, since remainders of 32 would favour some, and to shuffle in
// another way.
constexpr uint64_t kFirstOfLongDraws = UINT32_MAX / 20;

// Numbers 0 to count - 1 are swapped from the front on, each with one behind it or itself; those that were swapped are
// remembered, all others are where they were.
std::vector<uint64_t> swapped_places(Words words, uint64_t count, uint64_t wanted) {
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

// Each number takes a place in front of it or its own, and what was there goes to where the number would have been: the
// front is known when all have been drawn, some seconds later.
std::vector<uint64_t> inserted_places(Words words, uint64_t count, uint64_t wanted) {
  std::vector<uint64_t> places(wanted);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t high = words(), place = (high << 32 | words()) % (i + 1);
    if (i < wanted) places[i] = places[place];
    if (place < wanted) places[place] = i;
  }
  return places;
}

}  // namespace

std::vector<uint64_t> torch_places(uint64_t seed, uint64_t count, uint64_t wanted) {
  const Words words(static_cast<uint32_t>(seed));
  return count < kFirstOfLongDraws ? swapped_places(words, count, wanted) : inserted_places(words, count, wanted);
}

}  // namespace ckmerge
