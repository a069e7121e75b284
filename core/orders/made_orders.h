// SPDX-License-Identifier: Apache-2.0
// What methods want of whole tensors beside their inputs (kernels/made_operand), as checkpoints: a tensor for each name
// that all inputs of such a method have, whose bytes no file holds. They are made when somebody reads them, so that
// planning, windows, tiles and devices see an operand as any other.
#pragma once

#include <vector>

#include "core/recipe/recipe.h"
#include "core/threads/hands.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Puts behind `checkpoints`, which have the names that they are planned with, what the methods of `recipe` want beside
/// them: nothing where none does. Throws Error(usage) for inputs of which it cannot be made, and for draws of several
/// methods or formulas, which have no order among each other; else as graph_of(). The stop flag of `hands` ends what is
/// made when it is read.
void add_orders(const Recipe& recipe, std::vector<Checkpoint>& checkpoints, const Hands& hands = {});

}  // namespace ckmerge
