// SPDX-License-Identifier: Apache-2.0
#include "core/families/told_architecture.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/families/told_component.h"
#include "core/names/adapter_network.h"
#include "io/adapter_config.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

bool is_model(const ToldComponent& component) {
  return component.family->role == ComponentRole::transformer || component.family->role == ComponentRole::unet;
}

bool is_controlnet(const ToldComponent& component) { return component.family->role == ComponentRole::controlnet; }

const char* kind_of(ComponentRole role) {
  switch (role) {
    case ComponentRole::transformer:
    case ComponentRole::unet: return "diffusion model";
    case ComponentRole::vae:
    case ComponentRole::audio_vae: return "vae";
    case ComponentRole::controlnet: return "controlnet";
    case ComponentRole::text_encoder: return "text encoder";
  }
  return "";
}

// Of U-Nets of Stable Diffusion without what widths tell: SD 1 projects by convolutions, SD 2 and SDXL by matrices. In
// the original's names unCLIP has the same embedding beside them as SDXL.
std::string generation_of(const TensorTable& tensors, const ToldComponent& unet) {
  const ComponentNames names(tensors, unet.prefix);
  if (names.has("label_emb.0.0.weight")) return unet.family->name;
  if (names.has("add_embedding.linear_1.weight")) return "sdxl";
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor tensor = tensors[i];
    if (!tensor.name.starts_with(unet.prefix) || !tensor.name.ends_with(".proj_in.weight")) continue;
    return tensor.shape.size() == 4 ? "sd1" : "sd2";
  }
  return unet.family->name;
}

// As PEFT's config has it. One that cannot be read says nothing.
std::string base_of_adapter(const Checkpoint& adapter) try {
  const std::optional<JsonValue> root = adapter_config(adapter);
  if (!root) return "";
  const auto key = std::ranges::find(root->keys, "base_model_name_or_path");
  if (key == root->keys.end()) return "";
  const JsonValue& value = root->items[static_cast<size_t>(key - root->keys.begin())];
  return value.kind == JsonValue::Kind::string ? value.text : "";
} catch (const Error&) {
  return "";
}

}  // namespace

ArchitectureGuess tell_architecture(const Checkpoint& checkpoint) {
  ArchitectureGuess guess = guess_architecture(checkpoint.tensors, checkpoint.metadata, checkpoint.judgement);
  const bool has_codes = checkpoint.judgement.holds == Holds::codes;
  const bool is_told = !guess.kind.empty() && !(has_codes && guess.kind.starts_with("quantized"));
  constexpr std::string_view kModel = "diffusion model";
  if (checkpoint.judgement.holds == Holds::factors && guess.architecture.empty())
    guess.architecture = network_of_base(base_of_adapter(checkpoint));
  if (checkpoint.judgement.holds == Holds::factors || (is_told && !guess.kind.starts_with(kModel))) return guess;
  const std::vector<ToldComponent> told = told_components(checkpoint.tensors);
  if (is_told) {  // whose other parts have the prefixes of a folder, maybe
    if (!told.empty() && std::ranges::all_of(told, is_controlnet))
      guess.kind.replace(0, kModel.size(), "controlnet");
    else if (!std::ranges::all_of(told, is_model))
      guess.kind.replace(0, kModel.size(), "checkpoint");
    return guess;
  }
  const auto model = std::ranges::find_if(told, is_model);
  if (model == told.end() && told.size() != 1) return guess;  // several that are no model: which of them it is, is open
  const ModelFamily& family = model == told.end() ? *told[0].family : *model->family;
  const std::string kind = model != told.end() && told.size() > 1 ? "checkpoint" : kind_of(family.role);
  if (guess.architecture.empty())
    guess.architecture =
        family.role == ComponentRole::unet ? generation_of(checkpoint.tensors, *model) : std::string(family.name);
  guess.kind = guess.kind.empty() ? kind : kind + ", " + guess.kind;
  return guess;
}

}  // namespace ckmerge
