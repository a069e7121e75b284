// SPDX-License-Identifier: Apache-2.0
// What people call a checkpoint: the names that A1111's CheckpointInfo makes of a file's name and hashes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

struct CheckpointNames {
  std::string name;                  ///< below its folder, with extension: "sub/model.safetensors"
  std::string name_for_extra;        ///< base name without extension: "model"
  std::string model_name;            ///< "sub_model"
  std::string short_hash;            ///< 10 digits of the SHA-256; empty while that is not known
  std::string title;                 ///< "sub/model.safetensors [0123456789]"
  std::string short_title;           ///< "model [0123456789]"
  std::vector<std::string> aliases;  ///< all of these, with and without hashes; each once
};

CheckpointNames checkpoint_names(std::string_view name, std::string_view legacy_hash, std::string_view sha256);

}  // namespace ckmerge
