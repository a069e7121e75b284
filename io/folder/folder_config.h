// SPDX-License-Identifier: Apache-2.0
// What the config.json of a folder says of the files beside it.
#pragma once

#include <optional>
#include <string>

namespace ckmerge {

struct FolderConfig {
  bool of_diffusers = false;     ///< it has _class_name
  bool ties_embeddings = false;  ///< tie_word_embeddings of the model, or of its language model
  std::string weights = {};      ///< transformers_weights: the file that transformers reads before all others
};

/// Of `folder`; none where it has no config.json. One that is no JSON says nothing, but is there. Throws Error(io).
std::optional<FolderConfig> folder_config(const std::string& folder);

}  // namespace ckmerge
