// SPDX-License-Identifier: Apache-2.0
// What lies beside the weights in a model's folder, told by names: as save_pretrained of transformers 5.24 and
// diffusers 0.42 writes it, as trainers leave it, as the hub has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

enum class SideKind : uint8_t {
  config,         ///< config.json
  native_config,  ///< params.json, by which Mistral's own programs read consolidated files
  carried,        ///< tokenizers, processors, chat templates, further configs, licences
  code,           ///< Python
  card,           ///< README.md, and what says how a model was merged
  weights,        ///< and their indexes, in any form
  adapter,        ///< of PEFT, which programs would put on the weights
  quantized,      ///< what tools of quantization say of weights that are codes
  training,       ///< what a trainer left
  other,
};

SideKind side_kind(std::string_view name);

/// Why a file of this kind has no place beside merged weights: "an adapter". Empty of those that have one.
std::string_view reason(SideKind kind);

struct SideFile {
  std::string path;  ///< below the folder
  SideKind kind = SideKind::other;
  uint64_t size = 0;  ///< of a file
};

/// The files of `folder`, by path, and the sub-folders that hold no carried files, as one entry with a slash. What is
/// hidden is no part of a model. Throws Error(io) where it cannot be read, and for a link to nowhere that is carried.
std::vector<SideFile> side_files(const std::string& folder);

/// What lies in `folder`, of one model, and is neither its weights nor such a file: the first by name. Empty: there is
/// nothing such. Throws Error(io).
std::string foreign_model_entry(const std::string& folder);

/// Whether there are weights of a model, called as loaders look for them.
bool holds_model(const std::string& folder);

/// What lies in a folder of PEFT's and is neither its adapter nor a card: the first by name. Empty: there is nothing
/// such. Throws Error(io).
std::string foreign_adapter_entry(const std::string& folder);

/// Whether there is an adapter as PEFT saves it.
bool holds_adapter(const std::string& folder);

}  // namespace ckmerge
