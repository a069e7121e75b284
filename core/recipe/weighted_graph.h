// SPDX-License-Identifier: Apache-2.0
// A recipe's weights by block and by name, found in the checkpoint whose blocks they speak of.
#pragma once

#include <span>

#include "core/recipe/merge_graph.h"
#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// merge_graph(recipe, checkpoints.size()), in which the numbers that `recipe.weights` speaks of depend on the tensor's
/// name. Blocks are those of the first checkpoint. Throws besides Error(usage) for a weight of a parameter that the
/// method lacks or that is a flag, and for what selects nothing.
MergeGraph weighted_graph(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
