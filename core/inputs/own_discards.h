// SPDX-License-Identifier: Apache-2.0
// What --discard says of tensors by the names that they have in their file, where names are changed.
#pragma once

#include <functional>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Calls `bring`, which changes names of `checkpoints`. Where that throws Error(mismatch), and --discard of `recipe`
/// matches names that they had before, `bring` is called again with what they were, but for these tensors, which is
/// noted: what is not wanted need not fit.
void bring_without_discarded(const Recipe& recipe, const std::vector<Checkpoint*>& checkpoints,
                             const std::function<void()>& bring);

}  // namespace ckmerge
