// SPDX-License-Identifier: Apache-2.0
// `weights` and `rules` of a recipe file: other numbers, formulas and dtypes for some of the tensors.
#pragma once

#include <string>

#include "cli/options/recipe_options.h"
#include "core/recipe/recipe.h"
#include "io/text/error.h"
#include "io/text/yaml_value.h"

namespace ckmerge::cli {

/// Adds the rules that `rules`, a value of the recipe file `path`, holds. Throws Error(usage) with file, line and
/// column.
Places read_rules(const YamlValue& rules, const std::string& path, Recipe& recipe);

/// Adds the weights that `weights` holds, and the numbers of `let` that they are of, which are no names for expressions
/// then. Where the formula is the call of one method (core/formula/sole_call.h), they may be of that method's
/// parameters. Throws as read_rules(). REQUIRES: the formula and its names are there.
Places read_weights(const YamlValue& weights, const std::string& path, Recipe& recipe);

/// `sentence`, with its place in front where it speaks of one of `places`; and those of `error` likewise.
std::string placed(const std::string& sentence, const Places& places);
Error placed(const Error& error, const Places& places);

}  // namespace ckmerge::cli
