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
  uint32_t model_size = 0;                                ///< tokens of the model alone, added ones or not
  TokenizerKind kind = TokenizerKind::bpe;
  std::string moved = {};  ///< a clause of the added tokens whose ids are not those that are written; empty: none

  uint32_t id_of(uint32_t number) const { return number < ids.size() ? ids[number] : kNoId; }
};

/// Those of `text`, a tokenizer.json, with the ids that the tokenizers library gives them: an added token that the
/// model has not has the next one, whatever is written of it. Throws as read_tokenizer().
ModelTokens read_tokens(std::string_view text, TokenTexts& texts);

/// Without tokens whose id is `rows` or more, which no embedding has a row of. Returns how many there were.
size_t leave_out_unused(ModelTokens& tokens, uint64_t rows);

/// Adds to `base` the tokens that others have and it lacks, as mergekit does: those that are not added ones first,
/// model by model, by their ids there, each as an added token; then the added ones, with what the first that has it
/// says of it. Returns how many became added tokens that were none.
size_t unite_tokens(ModelTokens& base, std::span<const ModelTokens* const> others, TokenTexts& texts);

/// Adds a token of this text, if `tokens` has none.
void add_token(ModelTokens& tokens, std::string_view text, TokenTexts& texts);

/// Throws Error(mismatch) where the tokenizers library would read added tokens under other ids, because those of the
/// model have gaps.
void expect_same_ids(const ModelTokens& tokens);

}  // namespace ckmerge
