// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/vocabularies.h"

#include <optional>

#include "core/vocabulary/chat_templates.h"
#include "core/vocabulary/cropped_rows.h"
#include "core/vocabulary/tokenizer_files.h"
#include "core/vocabulary/united_vocabulary.h"

namespace ckmerge {
namespace {

void choose_template(const Recipe& recipe, const std::vector<Checkpoint>& checkpoints, VocabularyChanges& changes,
                     std::vector<std::string>& warnings) {
  std::vector<std::string> folders;
  for (const Checkpoint& checkpoint : checkpoints)
    if (const std::optional<std::string> folder = folder_of(checkpoint)) folders.push_back(*folder);
  std::optional<std::string> text = chat_template(recipe.chat_template, folders);
  const std::optional<std::string> own = folder_of(checkpoints[0]);
  if (!text) return warnings.push_back("no input has a chat template, and the result has none");
  if (!own) return warnings.push_back("the result is a file and has no tokenizer: the chat template is not written");
  const std::optional<VocabularyRequest>& request = recipe.vocabulary;
  std::string from = *own;
  if (request && request->kind == VocabularyRequest::Kind::folder) from = request->folder;
  if (request && request->kind == VocabularyRequest::Kind::input)
    from = folder_of(checkpoints[request->input]).value_or(from);
  put_chat_template(from, *std::move(text), changes);
}

}  // namespace

std::vector<std::string> fit_vocabularies(const Recipe& recipe, std::vector<Checkpoint>& checkpoints,
                                          VocabularyChanges& changes) {
  if (checkpoints.empty()) return {};
  std::vector<std::string> warnings =
      recipe.vocabulary ? unite_vocabularies(recipe, checkpoints, changes) : crop_rows(recipe, checkpoints, changes);
  if (!recipe.chat_template.empty()) choose_template(recipe, checkpoints, changes, warnings);
  std::erase_if(changes.copies, [&](const auto& copy) { return changes.texts.contains(copy.first); });
  return warnings;
}

}  // namespace ckmerge
