// SPDX-License-Identifier: Apache-2.0
// `slices` of a recipe file: layers of checkpoints that stand in another's place.
#pragma once

#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/text/yaml_value.h"

namespace ckmerge::cli {

/// The operands that `slices`, a value of the recipe file `path`, says; `names` are the checkpoints'. Throws
/// Error(usage) with file, line and column.
std::vector<Slices> read_slices(const YamlValue& slices, const std::string& path,
                                const std::vector<std::string>& names);

/// The lines of `slices` in a recipe file, each with its end; `names` as above.
std::string slices_text(const std::vector<Slices>& operands, const std::vector<std::string>& names);

/// Takes the names of checkpoints away that no formula can speak of, because slices stand for the first ones only.
/// REQUIRES: the recipe has a formula, which has a name for each input.
void leave_operands_named(Recipe& recipe);

}  // namespace ckmerge::cli
