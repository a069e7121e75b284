// SPDX-License-Identifier: Apache-2.0
// What results are stored as where a configuration says nothing of it: mergekit promotes inputs together.
#pragma once

#include "core/mergekit/merge_shape.h"
#include "core/mergekit/numbers_by_place.h"
#include "core/recipe/recipe.h"

namespace ckmerge {

/// Has `recipe` store each tensor in the widest dtype that it has in the models it is merged from, F32 where neither of
/// two holds the other's values. Nothing is said where that is the first one's, and of dtypes of 8 bits.
void set_promoted_dtypes(const MergeTrees& trees, const FlatTrees& flat, const PlaceNames& names, Recipe& recipe);

}  // namespace ckmerge
