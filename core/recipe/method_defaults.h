// SPDX-License-Identifier: Apache-2.0
// What a method's parameters are where nothing was given, so that a recipe can be recorded with all of them.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "kernels/method.h"

namespace ckmerge {

using MethodParameters = std::map<std::string, std::vector<double>>;

/// The value that `parameter` of `method` has beside `given` ones over `inputs` checkpoints where none was given: of a
/// list one number for all, by which the coefficients are to the bit what they are without it; empty where there is no
/// such number.
std::vector<double> default_value_of(const Method& method, const ParameterSpec& parameter,
                                     const MethodParameters& given, size_t inputs);

/// `recipe` with the parameters of its method that were not given, and the method by its own name; with a seed where it
/// rounds stochastically, and without one elsewhere. A formula is left as it is. REQUIRES: check_recipe() has nothing
/// against it.
Recipe with_defaults(const Recipe& recipe, size_t inputs);

}  // namespace ckmerge
