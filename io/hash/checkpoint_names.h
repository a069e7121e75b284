// SPDX-License-Identifier: Apache-2.0
// What people call a checkpoint: the names that A1111's CheckpointInfo makes of a file's name and hashes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

/// Of a component of diffusers or transformers, all of which are called alike (diffusion_pytorch_model, model), `path`
/// from the folder on that tells which it is: "flux/vae/diffusion_pytorch_model.safetensors",
/// "llama/model.safetensors". Of other files, and where there is no folder, the base name.
std::string_view telling_name(std::string_view path);

/// Of such a component `name_for_extra` and the titles are those of its folder, without the file: "flux/vae".
struct CheckpointNames {
  std::string name;                  ///< below its folder, with extension: "sub/dream.safetensors"
  std::string name_for_extra;        ///< base name without extension: "dream"
  std::string model_name;            ///< "sub_dream"
  std::string short_hash;            ///< 10 digits of the SHA-256; empty while that is not known
  std::string title;                 ///< "sub/dream.safetensors [0123456789]"
  std::string short_title;           ///< "dream [0123456789]"
  std::vector<std::string> aliases;  ///< all of these, with and without hashes; each once
};

CheckpointNames checkpoint_names(std::string_view name, std::string_view legacy_hash, std::string_view sha256);

}  // namespace ckmerge
