// SPDX-License-Identifier: Apache-2.0
// How files of weights are called in folders of Hugging Face: stem, variant, number of a shard, extension.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ckmerge {

/// "model.fp16-00001-of-00003.safetensors", "model.safetensors.index.fp16.json". Views are of the name.
struct WeightName {
  std::string_view stem;            ///< "model"
  std::string_view variant = {};    ///< "fp16", or empty
  std::string_view extension = {};  ///< ".safetensors", ".bin"; of an index, that of its shards
  uint64_t number = 0, of = 0;      ///< of a shard; both 0: a file by itself
  bool is_index = false;
};

/// What the base name of a file says; none where it is not called like weights at all. A variant may stand on either
/// side of the number, as diffusers' older and newer versions write it.
std::optional<WeightName> weight_name(std::string_view text);

/// Whether a loader looks for weights called so: "model", "diffusion_pytorch_model", "pytorch_model".
bool is_known_stem(std::string_view stem);

/// What PEFT calls the file of an adapter, without its extension.
inline constexpr std::string_view kAdapterStem = "adapter_model";

/// Whether `name` is that of an adapter of PEFT.
bool is_adapter_name(std::string_view name);

}  // namespace ckmerge
