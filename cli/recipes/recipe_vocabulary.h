// SPDX-License-Identifier: Apache-2.0
// `vocabulary` of a recipe file: which tokens the result knows, where their rows are from, its chat template.
#pragma once

#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/text/yaml_value.h"

namespace ckmerge::cli {

/// Puts what `vocabulary`, a value of the recipe file `path`, says into `recipe`; `names` are the checkpoints'. Throws
/// Error(usage) with file, line and column.
void read_vocabulary(const YamlValue& vocabulary, const std::string& path, const std::vector<std::string>& names,
                     Recipe& recipe);

/// The lines of `vocabulary` in a recipe file, each with its end; none where `recipe` says nothing of it. `folder` is
/// that of a tokenizer that is no input's.
std::string vocabulary_text(const Recipe& recipe, const std::vector<std::string>& names, const std::string& folder);

}  // namespace ckmerge::cli
