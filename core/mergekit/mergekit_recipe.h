// SPDX-License-Identifier: Apache-2.0
// From a configuration of mergekit to the recipe that is merged: one formula, numbers by name, operands made of slices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/mergekit/merge_tree.h"
#include "core/recipe/recipe.h"

namespace ckmerge {

/// The models that a file names, each once, A first: the base of its result, or else the first one of it. Throws
/// Error(usage) for adapters, and where the documents have no result.
std::vector<MergekitModel> mergekit_models(const MergekitFile& file);

struct MergekitMerge {
  Recipe recipe;
  /// Of `recipe`'s inputs, which models: as many as were opened, some again where operands are more.
  std::vector<uint32_t> inputs;
  std::vector<std::string> warnings = {};
};

/// Throws Error(usage), with the place in the file.
MergekitMerge mergekit_recipe(const MergekitInputs& inputs);

}  // namespace ckmerge
