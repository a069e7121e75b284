// SPDX-License-Identifier: Apache-2.0
// A recipe's weights by block and by name, found in the checkpoint whose blocks they speak of.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/recipe/merge_graph.h"
#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// The numbers of a recipe, which `recipe.weights` make depend on the tensor's name.
struct WeightedNumbers {
  std::map<std::string, std::vector<NumberByName>> by_parameter = {};
  std::shared_ptr<const BlockMap> blocks = {};  ///< null where there are no weights
  std::vector<std::string> origins = {};        ///< a text for each of the weights

  /// Hands blocks and origins over to a graph that has the numbers.
  void finish(MergeGraph& graph) { graph.set_blocks(std::move(blocks), std::move(origins)); }
};

/// Blocks are those of the first checkpoint. Throws Error(usage) for a weight of a parameter that the method or formula
/// lacks or that is a flag, and for what selects nothing.
WeightedNumbers weighted_numbers(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

/// What speaks against `recipe.weights` whatever the names of the checkpoints are. Throws Error(usage).
void check_weights(const Recipe& recipe, size_t inputs);

/// As selectors see `checkpoint`: weights and rules are of its blocks.
BlockMap selectable_blocks(const Checkpoint& checkpoint);

/// merge_graph(recipe, checkpoints.size()), in which the numbers that `recipe.weights` speaks of depend on the tensor's
/// name. Throws as it and weighted_numbers() do. REQUIRES: the recipe has a method.
MergeGraph weighted_graph(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
