// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/special_ids.h"

#include <array>
#include <optional>
#include <string_view>

#include "core/vocabulary/tokenizer_files.h"
#include "io/text/error.h"
#include "io/text/json_edit.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr auto kFields = std::to_array<std::string_view>(
    {"bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "mask_token_id", "unk_token_id",
     "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id"});
constexpr const char *kConfig = "config.json", *kGeneration = "generation_config.json";

std::optional<std::string_view> member(const std::string& folder, const char* file, std::string_view text,
                                       std::string_view key) {
  try {
    return json_member(text, key);
  } catch (const Error& error) {
    throw Error(ErrorCode::malformed, folder, sentence(folder, "/", file, ": is no JSON: ", error.what()));
  }
}

}  // namespace

void follow_special_ids(const std::string& from, const std::string& to, VocabularyChanges& changes) {
  const std::string theirs = text_in(from, kConfig).value_or("{}"), own = text_in(to, kConfig).value_or("{}");
  for (const std::string_view field : kFields) {
    const auto value = member(from, kConfig, theirs, field), old = member(to, kConfig, own, field);
    if (value && old && *value != *old) changes.config[std::string(field)] = parse_json(*value);
    if (!value && old && *old != "null") changes.config[std::string(field)] = {};
  }
  std::optional<std::string> generation = text_in(to, kGeneration);
  if (!generation) return;
  const std::string other = text_in(from, kGeneration).value_or(theirs);
  const std::string before = *generation;
  for (const std::string_view field : kFields) {
    if (!member(to, kGeneration, *generation, field)) continue;
    const auto value = member(from, kGeneration, other, field);
    *generation = with_json_member(*generation, field, value.value_or("null"));
  }
  if (*generation != before) changes.texts[kGeneration] = *generation;
}

}  // namespace ckmerge
