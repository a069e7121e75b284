// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/recipe/recipe.h"

namespace ckmerge::cli {

/// Takes words such as `base=FILE` apart, names into `formula` and paths into `inputs`; the k-th word that has no name
/// is called by its letter. Inputs that are all called by letters are put in the order of these. Throws Error(usage)
/// for a name without a file, and for words beyond the 26th that have no name.
void name_inputs_of_formula(std::vector<std::string>& inputs, Formula& formula);

/// Takes adapters that the formula of `recipe` calls so (lora(NAME)) off `inputs`, in their order, and notes them in
/// the recipe before others: their names are then the last. Throws Error(usage) where letters would not fit their
/// places.
std::vector<std::string> take_adapters_of_formula(std::vector<std::string>& inputs, Recipe& recipe);

}  // namespace ckmerge::cli
