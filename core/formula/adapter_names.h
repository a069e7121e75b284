// SPDX-License-Identifier: Apache-2.0
// Which names of a formula are adapters': those that it calls as lora(NAME).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/recipe/recipe.h"

namespace ckmerge {

/// What a formula calls an adapter with: lora(NAME) is the difference that it makes.
inline constexpr std::string_view kAdapterCall = "lora";

/// The names of `formula`, in their order, that its text, those of the names that it defines, or those of `rules` call
/// so. What is no formula calls none: whoever reads it says so.
std::vector<std::string> adapter_names(const Formula& formula, std::span<const RecipeRule> rules);

/// How many there are. Throws Error(usage) where they are not the last of the formula's names.
size_t expect_adapters_last(const Formula& formula, std::span<const RecipeRule> rules);

}  // namespace ckmerge
