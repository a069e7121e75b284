// SPDX-License-Identifier: Apache-2.0
// The options of merge that a recipe file may have, and how it spells them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/options/settings.h"
#include "io/text/yaml_value.h"

namespace ckmerge::cli {

/// Those of merge that are about what comes out, not about where it goes and how the work is done.
const std::vector<std::string>& recipe_options();

/// What messages call a part of a recipe file, and where it stands: "--only 'head'", "r.yaml:7:3".
using Places = std::vector<std::pair<std::string, std::string>>;

/// What `options`, a value of the recipe file `path` or null, says of a merge of `inputs` checkpoints. Adds where their
/// values stand to `places`. Throws Error(usage) with file, line and column.
Settings read_recipe_options(const YamlValue* options, const std::string& path, size_t inputs, Places& places);

/// `file` as the recipe at `path` means it: one that is relative begins in the recipe's folder.
std::string beside_recipe(const std::string& file, const std::string& path);

/// "; did you mean 'merge'?", or what there can be.
std::string suggestion_of(const std::string& typed, const std::vector<std::string>& known);

/// "true" or "false", as YAML 1.2 spells them: true, True, TRUE; empty for anything else.
std::string_view recipe_flag(std::string_view text);

}  // namespace ckmerge::cli
