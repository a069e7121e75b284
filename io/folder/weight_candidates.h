// SPDX-License-Identifier: Apache-2.0
// The sets of files in a folder that might be its weights, those first that a loader looks for first.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/folder/model_folder.h"
#include "io/folder/weight_set.h"

namespace ckmerge {

enum class SetForm : uint8_t { file, index, shards };  // shards: without an index

struct WeightCandidate {
  WeightSet set = {};  ///< files: those that are there; of an index none yet
  SetForm form = SetForm::file;
  uint64_t of = 0;  ///< of shards: how many there should be

  /// "model.safetensors.index.json with its shards".
  std::string text() const;
};

/// Whether they are one model by their names, in whatever files.
bool is_same_set(const WeightSet& a, const WeightSet& b);

/// Whether Mistral calls its own form of a model so.
bool is_mistrals(const WeightSet& set);

/// The index or, where there is none, the first file.
const std::string& label_of(const WeightSet& set);

/// Of files called `names`, which are sorted, in the order in which a loader of a folder of that kind takes them that
/// is asked for `variant`.
std::vector<WeightCandidate> weight_candidates(std::span<const std::string> names, FolderKind kind,
                                               std::string_view variant);

}  // namespace ckmerge
