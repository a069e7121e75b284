// SPDX-License-Identifier: Apache-2.0
// Where the row of each token of a result comes from, for each model: by mergekit's rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/recipe/vocabulary_request.h"
#include "core/vocabulary/gathered_rows.h"
#include "core/vocabulary/united_tokens.h"

namespace ckmerge {

/// What stands in for a row that a model lacks.
struct RowOrigin {
  enum class Kind : uint8_t {
    zero,
    input,    ///< `row` of `input`
    average,  ///< of the rows that inputs have for the token
    mean,     ///< of all rows of the model that are no such
  };
  Kind kind = Kind::zero;
  uint32_t input = 0, row = 0;
};

struct TokenRows {
  std::vector<std::vector<uint32_t>> own;  ///< per model and row of the result: its own row, or kNoRow
  std::vector<RowOrigin> others;           ///< per row of the result: what it is to a model that has no own
  std::vector<bool> again;                 ///< per model: it is one of those before it once more, and counts once
  uint32_t tokens = 0;                     ///< rows of them, the rest is padding
  size_t unused = 0;                       ///< rows of zeros between those of tokens, since ids have gaps
  size_t unknown = 0;                      ///< tokens that no model has a row of and nothing is said of
};

/// What is known of the models and the result.
struct KnownTokens {
  const TokenTexts& texts;
  std::span<const ModelTokens> models;
  std::span<const std::string> paths;  ///< of the models, for messages
  const ModelTokens& result;
};

/// For tensors of which model k has rows[k] rows, or 0: it has no such tensor. Throws Error(usage) for a source of
/// `request` that there is not.
TokenRows place_rows(const VocabularyRequest& request, const KnownTokens& known, std::span<const uint64_t> rows);

}  // namespace ckmerge
