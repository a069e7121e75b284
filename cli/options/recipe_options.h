// SPDX-License-Identifier: Apache-2.0
// Which options of merge a recipe file may have, and how it spells them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ckmerge::cli {

/// Those of merge that are about what comes out, not about where it goes and how the work is done.
const std::vector<std::string>& recipe_options();

/// Whether its words are NAME=VALUE, which a map has as well.
bool may_be_map_in_recipe(std::string_view option);

/// "true" or "false", as YAML 1.2 spells them: true, True, TRUE; empty for anything else.
std::string_view recipe_flag(std::string_view text);

}  // namespace ckmerge::cli
