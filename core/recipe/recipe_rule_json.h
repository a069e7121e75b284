// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/recipe/recipe_rule.h"
#include "io/text/json_value.h"

namespace ckmerge {

/// {"match":["OUT*"],"formula":"A + 0.3*(B - C)"}, {"match":["/position_ids/"],"drop":true}, ...: what the rule says.
void append_json(std::string& out, const RecipeRule& rule);

/// Throws Error(malformed) for what is no rule.
RecipeRule parse_recipe_rule(const JsonValue& value);

}  // namespace ckmerge
