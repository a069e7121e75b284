// SPDX-License-Identifier: Apache-2.0
// Numbers that differ between places of a result, as weights by name (docs/blocks.md).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/mergekit/merge_shape.h"
#include "core/recipe/recipe.h"

namespace ckmerge {

/// The names of a result's tensors, by place.
class PlaceNames {
 public:
  explicit PlaceNames(const MergeTrees& trees);

  /// What follows the place's prefix, of each name there. The place is `tree`'s.
  std::vector<std::string> rests(const FlatTree& tree) const;

 private:
  bool lies_in(std::string_view name, const LayerPlace& place) const;

  const MergeTrees& trees_;
  std::vector<std::string> modules_;  // those with names of their own
  std::vector<std::string> runs_;     // of the result, whose layers are places
};

/// A selector of names by a pattern (core/blocks/block_selector.h), for the names of `trees`' places, which are layers
/// of one run or none.
std::string selector_of(const std::vector<const FlatTree*>& trees, const PlaceNames& names);

/// "/^model\\.norm\\.weight$/".
std::string exact_pattern(std::string_view name);

/// Puts the number that is `numbers[i]` at the place of `trees[i]` into `recipe`: its text in a formula is returned, a
/// number or a name, of which there are weights then. Throws Error(usage) for names that have none.
std::string add_number(const std::vector<const FlatTree*>& trees, size_t number, const PlaceNames& names,
                       Recipe& recipe);

}  // namespace ckmerge
