// SPDX-License-Identifier: Apache-2.0
// The name somebody meant who typed one that is not there. Made for tables of a million names: most are refused by
// their length or their first letters, and the work is bounded whatever the names are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "io/table/tensor_table.h"

namespace ckmerge {

/// Edits beyond this many make another word, however long it is.
inline constexpr size_t kMostEdits = 3;

/// How many edits may separate `typed` from what was meant: a third of the word, 1 to kMostEdits.
size_t edits_allowed(std::string_view typed);

/// Edits between two words, a swap of neighbours counting as one; limit + 1 where there are more than `limit`.
/// REQUIRES: limit <= kMostEdits.
size_t edit_distance(std::string_view a, std::string_view b, size_t limit);

/// Offered names one by one, keeps the nearest. Where `typed` ends in a dot, a prefix of names was meant, and
/// prefixes with as many dots are compared.
class NearestName {
 public:
  explicit NearestName(std::string_view typed);

  void offer(std::string_view name);

  /// The nearest name by edits, the first of several; else the longest one that `typed` is with a prefix ending in a
  /// dot before it; else empty.
  const std::string& found() const { return near_.empty() ? unprefixed_ : near_; }

 private:
  std::string_view typed_;
  size_t dots_ = 0;        // of `typed`, where it is a prefix
  size_t limit_;           // edits that would be nearer than what was found
  uint64_t compared_ = 0;  // bytes
  std::string near_, unprefixed_;
};

/// The name among `names` that `typed` probably meant, or empty.
std::string nearest_name(std::string_view typed, const TensorTable& names);
std::string nearest_name(std::string_view typed, std::span<const std::string> names);

}  // namespace ckmerge
