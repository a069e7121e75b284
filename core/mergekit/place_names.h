// SPDX-License-Identifier: Apache-2.0
// The names of a result's tensors, by place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/mergekit/merge_shape.h"
#include "core/mergekit/other_spellings.h"

namespace ckmerge {

class PlaceNames {
 public:
  explicit PlaceNames(const MergeTrees& trees);

  /// What follows the place's prefix, of each name there. The place is `tree`'s.
  std::vector<std::string> rests(const FlatTree& tree) const;
  /// What filters are held against for a name of `tree`'s place, of which `rest` is what follows the prefix.
  std::vector<std::string> filtered(const FlatTree& tree, const std::string& rest) const;
  /// What other inputs call a tensor that lies in no layer, where they have another name for it.
  std::vector<std::string> other_spellings(std::string_view name) const { return others_.of(name); }

 private:
  bool lies_in(std::string_view name, const LayerPlace& place) const;

  const MergeTrees& trees_;
  const OtherSpellings others_;
  std::vector<std::string> modules_;  // those with names of their own
  std::vector<std::string> runs_;     // of the result, whose layers are places
};

}  // namespace ckmerge
