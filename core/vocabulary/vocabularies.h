// SPDX-License-Identifier: Apache-2.0
// What a recipe says of vocabularies, carried out on inputs before anything is planned.
#pragma once

#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "core/vocabulary/vocabulary_changes.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Joins vocabularies (core/vocabulary/united_vocabulary), or crops them (core/vocabulary/cropped_rows), and chooses
/// the chat template. Returns warnings. Throws as those do.
std::vector<std::string> fit_vocabularies(const Recipe& recipe, std::vector<Checkpoint>& checkpoints,
                                          VocabularyChanges& changes);

}  // namespace ckmerge
