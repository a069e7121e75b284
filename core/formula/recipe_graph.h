// SPDX-License-Identifier: Apache-2.0
// What a recipe computes, whether it names a method or has a formula, and with what for some of the tensors.
#pragma once

#include <span>

#include "core/recipe/merge_graph.h"
#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// The graph of `recipe` over `inputs` checkpoints, its weights aside; of its rules with formulas each is an
/// alternative, in their order. Throws Error(usage) as merge_graph() and read_formula() do, and for a formula whose
/// names are not as many as the checkpoints that are merged.
MergeGraph graph_of(const Recipe& recipe, size_t inputs);

/// The same with the weights, as the blocks and names of the first checkpoint have them. Throws besides as
/// weighted_numbers().
MergeGraph graph_of(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

/// Throws Error(usage) for what speaks against `recipe` over `inputs` checkpoints, whatever is in them.
void check_recipe(const Recipe& recipe, size_t inputs);

/// `recipe` with its formulas, if it has any, in their canonical texts, numbers with names that have no weights written
/// out, or with a method in its place where it is the call of that method over all checkpoints
/// (core/formula/sole_call.h). Throws as graph_of().
Recipe canonical_recipe(const Recipe& recipe, size_t inputs);

}  // namespace ckmerge
