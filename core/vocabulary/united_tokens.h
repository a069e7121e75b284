// SPDX-License-Identifier: Apache-2.0
// Which tokens a result knows, made of those of several models.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/recipe/vocabulary_request.h"
#include "core/vocabulary/token_texts.h"
#include "core/vocabulary/tokenizer_text.h"

namespace ckmerge {

/// The tokens of one tokenizer. Numbers are those of a TokenTexts that all have in common.
struct ModelTokens {
  static constexpr uint32_t kNoId = UINT32_MAX;

  std::vector<uint32_t> ids = {};                         ///< by number; kNoId, or too short: it has no such token
  std::vector<std::pair<uint32_t, uint32_t>> words = {};  ///< id and number of those that are not added, by id
  std::vector<AddedToken> added = {};                     ///< by id
  uint32_t end = 0;                                       ///< one more than the largest id
  TokenizerKind kind = TokenizerKind::bpe;

  uint32_t id_of(uint32_t number) const { return number < ids.size() ? ids[number] : kNoId; }
};

/// Those of `text`, a tokenizer.json. Throws as read_tokenizer().
ModelTokens read_tokens(std::string_view text, TokenTexts& texts);

/// Without tokens whose id is `rows` or more, which no embedding has a row of. Returns how many there were.
size_t leave_out_unused(ModelTokens& tokens, uint64_t rows);

/// Adds to `base` the tokens that others have and it lacks, as mergekit does: those that are not added ones first,
/// model by model, by their ids there, each as an added token; then the added ones, with what the first that has it
/// says of it. Returns how many became added tokens that were none.
size_t unite_tokens(ModelTokens& base, std::span<const ModelTokens* const> others, TokenTexts& texts);

/// Adds a token of this text, if `tokens` has none.
void add_token(ModelTokens& tokens, std::string_view text, TokenTexts& texts);

}  // namespace ckmerge
