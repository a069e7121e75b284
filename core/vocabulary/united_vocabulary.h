// SPDX-License-Identifier: Apache-2.0
// Models that know unlike tokens, brought to one vocabulary: embeddings and heads get a row for each of its tokens.
#pragma once

#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "core/vocabulary/vocabulary_changes.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Gives the tensors that have a row for each token, of all checkpoints that `recipe` merges, the rows that its
/// vocabulary asks for, in `changes` what else there is to it. No tensor is read. Returns warnings. Throws Error(usage)
/// for a source that there is not, Error(mismatch) for inputs whose tokens cannot be told or joined, Error(malformed)
/// for a tokenizer that is none. REQUIRES: recipe.vocabulary; names are those of the first.
std::vector<std::string> unite_vocabularies(const Recipe& recipe, std::vector<Checkpoint>& checkpoints,
                                            VocabularyChanges& changes);

}  // namespace ckmerge
