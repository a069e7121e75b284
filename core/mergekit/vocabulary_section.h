// SPDX-License-Identifier: Apache-2.0
// `tokenizer_source` and `tokenizer` of a configuration, as what is asked of a vocabulary.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/mergekit/mergekit_config.h"
#include "core/recipe/vocabulary_request.h"

namespace ckmerge {

/// What `config` says of tokens; empty: nothing. `models` are those of the recipe's inputs. Throws Error(usage) of
/// `where`, with line and column.
std::optional<VocabularyRequest> vocabulary_request(const MergekitConfig& config, std::span<const MergekitModel> models,
                                                    const std::string& where);

}  // namespace ckmerge
