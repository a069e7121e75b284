// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/tokenizer_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>

#include "core/vocabulary/written_tokenizer.h"
#include "io/file/input_file.h"
#include "io/folder/model_folder.h"
#include "io/text/error.h"
#include "io/text/json_edit.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTokenizer = "tokenizer.json";
constexpr const char* kConfig = "tokenizer_config.json";
constexpr const char* kAdded = "added_tokens.json";
constexpr const char* kTemplates = "additional_chat_templates";

// Of tokenizers that are older than tokenizer.json: what they know of tokens is what the model knew before.
constexpr auto kOlderFiles = std::to_array<std::string_view>(
    {"vocab.json", "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"});
constexpr auto kOtherFiles = std::to_array<std::string_view>(
    {kTokenizer, kConfig, kAdded, "special_tokens_map.json", "chat_template.jinja", "chat_template.json"});

// Of other programs, which transformers reads and turns into a tokenizer.json.
constexpr auto kForeignFiles = std::to_array<std::string_view>({"tekken.json", "tiktoken.model", "qwen.tiktoken"});

constexpr uint64_t kMostBytes = uint64_t{256} << 20;

bool is_there(const std::string& folder, std::string_view name) {
  std::error_code error;
  return fs::is_regular_file(fs::path(folder) / name, error);
}

// A member of `added_tokens_decoder` for each, which is an added token to readers of either age.
std::string decoder_text(const ModelTokens& tokens) {
  std::string out = "{";
  for (const AddedToken& token : tokens.added) {
    out += sentence(out.size() == 1 ? "\n" : ",\n", "    \"", token.id, "\": {\"content\": ");
    append_json_string(out, token.content);
    append_settings(out, token);
    out += '}';
  }
  return out + "\n  }";
}

std::string with_new_ids(std::string_view text, const ModelTokens& before, const ModelTokens& result) {
  std::string members;
  for (const AddedToken& token : result.added) {
    if (token.id < before.end) continue;
    if (!members.empty()) members += ",\n  ";
    append_json_string(members, token.content);
    members += sentence(": ", token.id);
  }
  return with_new_json_members(text, members);
}

}  // namespace

std::optional<std::string> folder_of(const Checkpoint& checkpoint) {
  return checkpoint.folder ? std::optional(checkpoint.folder->path) : std::nullopt;
}

std::optional<std::string> text_in(const std::string& folder, std::string_view name) {
  if (!is_there(folder, name)) return std::nullopt;
  const std::string path = folder + "/" + std::string(name);
  const InputFile file(path);
  if (file.size() > kMostBytes)
    throw Error(ErrorCode::malformed, path,
                sentence(path, ": has ", file.size(), " bytes, and no such file has more than ", kMostBytes));
  std::string text(file.size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

std::optional<std::string> tokenizer_text_in(const std::string& folder) {
  if (std::optional<std::string> text = text_in(folder, kTokenizer)) return text;
  for (const auto& names :
       {std::span<const std::string_view>(kOlderFiles), std::span<const std::string_view>(kForeignFiles)})
    for (const std::string_view name : names)
      if (is_there(folder, name))
        throw Error(ErrorCode::mismatch, folder,
                    sentence(folder, ": its tokens are in ", name,
                             " only, and ckmerge reads tokenizer.json; "
                             "transformers writes one: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"));
  return std::nullopt;
}

std::vector<std::string> tokenizer_files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& all :
       {std::span<const std::string_view>(kOtherFiles), std::span<const std::string_view>(kOlderFiles)})
    for (const std::string_view name : all)
      if (is_there(folder, name)) names.emplace_back(name);
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(folder) / kTemplates, error))
    if (entry.path().extension() == ".jinja")
      names.push_back(sentence(kTemplates, "/", entry.path().filename().string()));
  std::ranges::sort(names);
  return names;
}

void follow_tokens(const std::string& folder, const ModelTokens& before, const ModelTokens& result, std::string text,
                   bool is_shorter, VocabularyChanges& changes) {
  changes.texts[kTokenizer] = std::move(text);
  if (std::optional<std::string> config = text_in(folder, kConfig);
      config && json_member(*config, "added_tokens_decoder"))
    changes.texts[kConfig] = with_json_member(*config, "added_tokens_decoder", decoder_text(result));
  if (is_shorter) {
    for (const std::string_view name : kOlderFiles)
      if (is_there(folder, name)) changes.without.emplace_back(name);
    if (is_there(folder, kAdded)) changes.without.emplace_back(kAdded);
    return;
  }
  const std::optional<std::string> added = text_in(folder, kAdded);
  const bool has_older =
      std::ranges::any_of(kOlderFiles, [&](std::string_view name) { return is_there(folder, name); });
  if (result.end > before.end && (added || has_older))
    changes.texts[kAdded] = with_new_ids(added.value_or("{}"), before, result);
}

void take_files(const std::string& from, const std::string& folder, VocabularyChanges& changes) {
  const std::vector<std::string> taken = tokenizer_files_in(from);
  for (const std::string& name : taken) changes.copies.emplace_back(name, from + "/" + name);
  for (std::string& name : tokenizer_files_in(folder))
    if (std::ranges::find(taken, name) == taken.end()) changes.without.push_back(std::move(name));
}

}  // namespace ckmerge
