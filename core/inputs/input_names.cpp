// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/input_names.h"

#include <algorithm>
#include <utility>

#include "core/inputs/asked_layout.h"
#include "core/inputs/component_names.h"
#include "core/inputs/equated_inputs.h"
#include "core/inputs/renames.h"
#include "core/inputs/tied_heads.h"
#include "core/vocabulary/vocabularies.h"
#include "io/input_forms.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Under the names that patterns have to match.
void note_unread(Checkpoint& checkpoint) {
  constexpr size_t kMostNamed = 3;
  const std::vector<UnreadTensor>& unread = checkpoint.unread;
  if (unread.empty()) return;
  std::string named;
  for (size_t i = 0; i < std::min(kMostNamed, unread.size()); ++i)
    named += sentence(i == 0 ? "" : "; ", unread[i].name, " ", unread[i].why);
  if (unread.size() > kMostNamed) named += sentence("; and ", unread.size() - kMostNamed, " more");
  checkpoint.notes.push_back(
      sentence(counted(unread.size(), "tensor"), unread.size() == 1 ? " is" : " are", " not read: ", named));
}

// What is given for one component, or recorded by its hash, is one.
void check_folders(const Recipe& recipe, const std::vector<Checkpoint>& checkpoints) {
  for (const Checkpoint& checkpoint : checkpoints) {
    if (!is_pipeline(checkpoint)) continue;
    if (!recipe.roles.empty() && components_of(checkpoint).size() > 1)
      throw Error(ErrorCode::usage, checkpoint.path,
                  sentence(checkpoint.path,
                           ": is a folder of several components; name the sub-folder of the one that "
                           "is meant, or convert the whole with --layout comfy"));
  }
}

}  // namespace

std::vector<std::string> name_inputs(const Recipe& recipe, std::vector<Checkpoint>& checkpoints,
                                     VocabularyChanges& changes) {
  rename_tensors(recipe, checkpoints);
  const std::vector<bool> headless = without_head(checkpoints);
  check_folders(recipe, checkpoints);
  std::vector<std::string> warnings = bring_to_layout(recipe, checkpoints);
  for (std::string& doubt : equate_inputs(recipe, checkpoints)) warnings.push_back(std::move(doubt));
  for (std::string& note : untie_heads(recipe, checkpoints, headless)) warnings.push_back(std::move(note));
  for (std::string& note : fit_vocabularies(recipe, checkpoints, changes)) warnings.push_back(std::move(note));
  for (std::string& note : name_components(recipe, checkpoints)) warnings.push_back(std::move(note));
  for (Checkpoint& checkpoint : checkpoints) note_unread(checkpoint);
  return warnings;
}

}  // namespace ckmerge
