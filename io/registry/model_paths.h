// SPDX-License-Identifier: Apache-2.0
// ComfyUI's extra_model_paths.yaml: sections that name folders by what is kept in them, below a base_path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

struct ModelPlace {
  std::string kind;  ///< ComfyUI's word: "checkpoints", "loras", "vae", ...
  std::string path;  ///< as ComfyUI joins it: below base_path, relative ones below the file's own folder
};

/// The folders, in the order of the file. `home` stands for `~`; empty: `~` stays. Other variables stay as they
/// are. Throws Error(malformed) for a text that is no YAML or has another form.
std::vector<ModelPlace> parse_model_paths(std::string_view yaml, const std::string& where, const std::string& home);

}  // namespace ckmerge
