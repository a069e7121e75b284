// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/united_tokens.h"

#include <algorithm>
#include <unordered_set>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

void set_id(ModelTokens& tokens, uint32_t number, uint32_t id) {
  if (tokens.ids.size() <= number) tokens.ids.resize(size_t{number} + 1, ModelTokens::kNoId);
  tokens.ids[number] = id;
}

void add(ModelTokens& tokens, uint32_t number, AddedToken token) {
  const uint32_t known = tokens.id_of(number);
  token.is_word = known != ModelTokens::kNoId;
  token.id = token.is_word ? known : tokens.end++;
  set_id(tokens, number, token.id);
  tokens.added.push_back(std::move(token));
}

std::unordered_set<uint32_t> numbers_of_added(const ModelTokens& tokens, const TokenTexts& texts) {
  std::unordered_set<uint32_t> numbers;
  for (const AddedToken& token : tokens.added) numbers.insert(texts.find(token.content));
  return numbers;
}

// In the order of the document, as they are read.
void take_added(ModelTokens& tokens, std::vector<AddedToken> added, TokenTexts& texts) {
  size_t moved = 0;
  uint32_t next = tokens.model_size;
  std::unordered_set<uint32_t> numbers;
  for (AddedToken& token : added) {
    const uint32_t number = texts.add(token.content), written = token.id;
    if (token.content.empty() || !numbers.insert(number).second) continue;
    token.is_word = tokens.id_of(number) != ModelTokens::kNoId;
    token.id = token.is_word ? tokens.id_of(number) : next;
    next = std::max(next, token.id + 1);
    tokens.end = std::max(tokens.end, token.id + 1);
    set_id(tokens, number, token.id);
    if (token.id != written && ++moved == 1)
      tokens.moved =
          sentence("'", valid_utf8(token.content), "' is written as id ", written, " and read as ", token.id);
    tokens.added.push_back(std::move(token));
  }
  if (moved > 1) tokens.moved += sentence(", and ", moved - 1, " more likewise");
  std::ranges::stable_sort(tokens.added, {}, &AddedToken::id);
  std::erase_if(tokens.words, [&](const auto& word) { return numbers.contains(word.second); });
}

}  // namespace

ModelTokens read_tokens(std::string_view text, TokenTexts& texts) {
  ModelTokens tokens;
  const TokenizerText read = read_tokenizer(text, [&](std::string_view token, uint32_t id) {
    const uint32_t number = texts.add(token);
    tokens.model_size += tokens.id_of(number) == ModelTokens::kNoId;
    tokens.end = std::max(tokens.end, id + 1);
    set_id(tokens, number, id);
    tokens.words.emplace_back(id, number);
  });
  tokens.kind = read.kind;
  if (read.kind == TokenizerKind::unigram) tokens.model_size = static_cast<uint32_t>(read.words);
  std::erase_if(tokens.words, [&](const auto& word) { return tokens.ids[word.second] != word.first; });
  take_added(tokens, read.added, texts);
  std::ranges::sort(tokens.words);
  return tokens;
}

size_t leave_out_unused(ModelTokens& tokens, uint64_t rows) {
  if (tokens.end <= rows) return 0;
  size_t count = 0;
  for (uint32_t& id : tokens.ids) {
    if (id == ModelTokens::kNoId || id < rows) continue;
    id = ModelTokens::kNoId;
    ++count;
  }
  std::erase_if(tokens.words, [&](const auto& word) { return word.first >= rows; });
  std::erase_if(tokens.added, [&](const AddedToken& token) { return token.id >= rows; });
  tokens.end = 0;
  for (const uint32_t id : tokens.ids)
    if (id != ModelTokens::kNoId) tokens.end = std::max(tokens.end, id + 1);
  tokens.model_size =
      static_cast<uint32_t>(tokens.words.size()) +
      static_cast<uint32_t>(std::ranges::count_if(tokens.added, [](const AddedToken& token) { return token.is_word; }));
  return count;
}

size_t unite_tokens(ModelTokens& base, std::span<const ModelTokens* const> others, TokenTexts& texts) {
  std::unordered_set<uint32_t> added = numbers_of_added(base, texts);
  std::unordered_set<uint32_t> added_anywhere = added;
  for (const ModelTokens* const other : others) added_anywhere.merge(numbers_of_added(*other, texts));
  size_t count = 0;
  for (const ModelTokens* const other : others)
    for (const auto& [id, number] : other->words) {
      if (base.id_of(number) != ModelTokens::kNoId || added_anywhere.contains(number) || texts[number].empty())
        continue;
      add(base, number, {.content = std::string(texts[number]), .made = true});
      ++count;
    }
  for (const ModelTokens* const other : others)
    for (const AddedToken& token : other->added) {
      const uint32_t number = texts.find(token.content);
      if (token.content.empty() || !added.insert(number).second) continue;
      add(base, number, token);
    }
  std::ranges::stable_sort(base.added, {}, &AddedToken::id);
  return count;
}

void add_token(ModelTokens& tokens, std::string_view text, TokenTexts& texts) {
  const uint32_t number = texts.add(text);
  if (tokens.id_of(number) != ModelTokens::kNoId || text.empty()) return;
  add(tokens, number, {.content = std::string(text), .made = true});
}

void expect_same_ids(const ModelTokens& tokens) {
  uint32_t next = tokens.model_size;
  for (const AddedToken& token : tokens.added) {
    if (!token.is_word && token.id != next)
      throw Error(ErrorCode::mismatch, "tokenizer",
                  sentence("the ids of the result's tokenizer have gaps, so that '", valid_utf8(token.content),
                           "' would be read as id ", next, " and not as ", token.id,
                           "; take the tokens of a model whose ids have none"));
    next = std::max(next, token.id + 1);
  }
}

}  // namespace ckmerge
