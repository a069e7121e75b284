// SPDX-License-Identifier: Apache-2.0
// What a recipe computes, whether it names a method or has a formula.
#pragma once

#include "core/recipe/merge_graph.h"
#include "core/recipe/recipe.h"

namespace ckmerge {

/// The graph of `recipe` over `inputs` checkpoints. Throws Error(usage) as merge_graph() and read_formula() do, and for
/// a formula whose names are not as many as the checkpoints that are merged, or beside parameters.
MergeGraph graph_of(const Recipe& recipe, size_t inputs);

/// Throws Error(usage) for what speaks against `recipe` over `inputs` checkpoints, whatever is in them.
void check_recipe(const Recipe& recipe, size_t inputs);

/// `recipe` with its formula, if it has one, in its canonical text, or with a method in its place where it is the call
/// of that method over all checkpoints (core/formula/sole_call.h). Throws as graph_of().
Recipe canonical_recipe(const Recipe& recipe, size_t inputs);

}  // namespace ckmerge
