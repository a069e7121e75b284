// SPDX-License-Identifier: Apache-2.0
// What methods of whole tensors make, as checkpoints: a tensor of each name that all inputs of such a method have, in
// F32 (F64 where an input is), whose bytes no file holds. A tensor is made when the first of them is read, and held
// while others are. So planning, windows, tiles and devices see an operand as any other, as they do of adapters.
#pragma once

#include <cstdint>
#include <vector>

#include "core/recipe/recipe.h"
#include "core/threads/hands.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Puts behind `checkpoints`, which have the names that they are planned with, what `recipe` makes of their whole
/// tensors: nothing where it does not. Throws Error(usage) for what such methods cannot take, else as graph_of().
/// A result that its dtype cannot hold is Inf or NaN, and told by MadeOfInputs::beyond_range. Reading throws
/// Error(interrupted) when the stop flag of `hands`, by whose threads tensors are made, is raised. As many tensors as
/// there are hands are made at once where they take no more than `beside` bytes together; others one at a time.
void add_whole_tensors(const Recipe& recipe, std::vector<Checkpoint>& checkpoints, const Hands& hands = {},
                       uint64_t beside = 0);

}  // namespace ckmerge
