// SPDX-License-Identifier: Apache-2.0
// Numbers that differ between places of a result, as weights by name (docs/blocks.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/mergekit/merge_shape.h"
#include "core/mergekit/place_names.h"
#include "core/recipe/recipe.h"

namespace ckmerge {

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
