// SPDX-License-Identifier: Apache-2.0
// Vocabularies of unlike size without a word about tokens: rows are paired by their numbers.
#pragma once

#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "core/vocabulary/vocabulary_changes.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Leaves out what no row is paired with: with VocabPolicy::crop rows that any of the checkpoints that `recipe` merges
/// lacks, with VocabPolicy::base those of others than the first, whose own rows stay (core/plan/shape_fit). Returns a
/// sentence where anything was left out. REQUIRES: names are those of the first.
std::vector<std::string> crop_rows(const Recipe& recipe, std::vector<Checkpoint>& checkpoints,
                                   VocabularyChanges& changes);

}  // namespace ckmerge
