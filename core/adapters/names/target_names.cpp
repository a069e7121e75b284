// SPDX-License-Identifier: Apache-2.0
// Sources: LORA_PREFIX_* of kohya's scripts, lora_state_dict() of diffusers' pipelines, ComfyUI's lora.py.
#include "core/adapters/names/target_names.h"

#include <algorithm>

namespace ckmerge {
namespace {

using std::string_view;
using Kind = TargetScope::Kind;

struct Prefix {
  string_view text;
  TargetScope scope;
};

// Of those that begin alike the longest is first.
constexpr Prefix kPrefixes[] = {
    {"base_model.model.", {}},
    {"base_model.", {}},
    {"module.", {}},
    {"model.diffusion_model.", {Kind::model}},
    {"diffusion_model.", {Kind::model}},
    {"transformer.", {Kind::model}},
    {"unet.", {Kind::model}},
    {"prior.", {Kind::model}},
    {"text_encoder.", {Kind::encoder, 0}},
    {"text_encoder_2.", {Kind::encoder, 1}},
    {"text_encoder_3.", {Kind::encoder, 2}},
    {"text_encoders.clip_l.transformer.", {Kind::encoder, 0}},
    {"text_encoders.clip_g.transformer.", {Kind::encoder, 1}},
    {"text_encoders.t5xxl.transformer.", {Kind::encoder, 2}},
    {"text_encoders.", {Kind::encoder, 0}},
    {"lora_unet_", {Kind::model}},
    {"lora_transformer_", {Kind::model}},
    {"lora_te_", {Kind::encoder, 0}},
    {"lora_te1_", {Kind::encoder, 0}},
    {"lora_te2_", {Kind::encoder, 1}},
    {"lora_te3_", {Kind::encoder, 2}},
    {"lora_t5_", {Kind::encoder, 2}},
    {"lora_prior_unet_", {Kind::model}},
    {"lora_prior_te_", {Kind::encoder, 0}},
    {"lora_prior_", {Kind::model}},
    {"lora_llm_", {}},
    {"lora_unet.", {Kind::model}},
    {"oft_unet_", {Kind::model}},
    {"hada_unet_", {Kind::model}},
    {"lycoris_", {}},
};

// What names that are joined by underscores may have in front, as spellings of dotted names do.
constexpr string_view kJoined[] = {
    "text_model_",      "language_model_model_", "language_model_", "model_language_model_",
    "diffusion_model_", "transformer_",          "model_",          "unet_"};

const Prefix* prefix_of(string_view name) {
  for (const Prefix& prefix : kPrefixes)
    if (name.size() > prefix.text.size() && name.starts_with(prefix.text)) return &prefix;
  return nullptr;
}

}  // namespace

std::vector<AskedName> asked_names(string_view module) {
  constexpr int kMostPrefixes = 4;
  std::vector<AskedName> asked{{.scope = {}, .name = std::string(module)}};
  TargetScope scope;
  string_view rest = module;
  for (int i = 0; i < kMostPrefixes; ++i) {
    const Prefix* const prefix = prefix_of(rest);
    if (!prefix) break;
    if (prefix->scope.kind != Kind::any) scope = prefix->scope;
    rest.remove_prefix(prefix->text.size());
    asked.push_back({.scope = scope, .name = std::string(rest)});
  }
  if (rest.find('.') == string_view::npos)
    for (const string_view joined : kJoined)
      if (rest.size() > joined.size() && rest.starts_with(joined))
        asked.push_back({.scope = scope, .name = std::string(rest.substr(joined.size()))});
  return asked;
}

std::string underscored(string_view name) {
  std::string text(name);
  std::ranges::replace(text, '.', '_');
  return text;
}

string_view module_of_tensor(string_view name) {
  constexpr string_view kWeight = ".weight", kBias = ".bias";
  if (name.ends_with(kBias) || name == "bias") return {};
  return name.ends_with(kWeight) ? name.substr(0, name.size() - kWeight.size()) : name;
}

}  // namespace ckmerge
