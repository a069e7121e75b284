// SPDX-License-Identifier: Apache-2.0
// The vocabularies of the models that are merged, read from their folders, and that of the result.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/recipe/vocabulary_request.h"
#include "core/vocabulary/united_tokens.h"
#include "core/vocabulary/vocabulary_changes.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

struct ModelVocabularies {
  TokenTexts texts;
  std::vector<std::string> folders;  ///< of each model; empty: it has none
  std::vector<ModelTokens> models;
  ModelTokens result;
  std::vector<std::string> warnings;
};

/// Reads those of `checkpoints` and makes that of the result, as `request` says; in `changes` the files that tell of
/// it. Throws Error(mismatch | malformed | io | usage).
ModelVocabularies vocabularies_of(const VocabularyRequest& request, std::span<const Checkpoint> checkpoints,
                                  VocabularyChanges& changes);

}  // namespace ckmerge
