// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/module_names.h"

#include <algorithm>
#include <array>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

// What names begin with, and which component that is.
struct Front {
  string_view spelled, component;
};
constexpr std::array<Front, 16> kFronts{{
    {"lora_unet_", "unet"},
    {"lora_transformer_", "unet"},
    {"lora_te_", "te1"},
    {"lora_te1_", "te1"},
    {"lora_te2_", "te2"},
    {"lora_te3_", "te3"},
    {"lora_t5_", "te3"},
    {"base_model.model.", "model"},
    {"diffusion_model.", "unet"},
    {"model.diffusion_model.", "unet"},
    {"transformer.", "unet"},
    {"unet.", "unet"},
    {"text_encoder.", "te1"},
    {"text_encoder_2.", "te2"},
    {"text_encoder_3.", "te3"},
    {"lycoris_", "unet"},
}};

const Front* front_of(string_view name) {
  const auto found = std::ranges::find_if(kFronts, [&](const Front& front) { return name.starts_with(front.spelled); });
  return found == kFronts.end() ? nullptr : &*found;
}

// Behind the component.
string_view path_of(string_view name) {
  const Front* const front = front_of(name);
  return front ? name.substr(front->spelled.size()) : name;
}

std::string with_underscores(string_view path) {
  std::string out(path);
  std::ranges::replace(out, '.', '_');
  return out;
}

}  // namespace

ModuleName parsed_module_name(string_view name) {
  const Front* const front = front_of(name);
  if (!front) return {.component = "model", .path = name};
  return {.component = front->component, .path = name.substr(front->spelled.size())};
}

std::string_view component_of_module(string_view name) {
  const Front* const front = front_of(name);
  if (front && front->component != "model") return front->component;
  return naming_of_module(name) == ModuleNaming::unknown ? "model" : "unet";
}

ModuleNaming naming_of_module(string_view name) { return module_naming(path_of(name)); }

// CLIP of transformers 5 has no text_model.
std::string folded_module_name(string_view name) {
  const string_view component = component_of_module(name);
  string_view path = path_of(name);
  for (const string_view model : {"text_model.", "text_model_"})
    if (component.starts_with("te") && path.starts_with(model)) path.remove_prefix(model.size());
  return sentence(component, "_", with_underscores(path));
}

bool is_of_encoder(string_view name) {
  const Front* const front = front_of(name);
  return front && front->component.starts_with("te");
}

std::optional<std::string> respelled(string_view name, AdapterSpelling from, AdapterSpelling to, bool sole_encoder) {
  if (from == to) return std::string(name);
  if (from == AdapterSpelling::kohya) return std::nullopt;
  const Front* const front = front_of(name);
  const string_view path = front ? name.substr(front->spelled.size()) : name;
  const string_view component = front ? front->component : "model";
  if (to == AdapterSpelling::peft) return sentence("base_model.model.", path);
  if (to == AdapterSpelling::diffusers) return sentence(component == "unet" ? "transformer." : "", path);
  if (component == "model") return std::nullopt;
  const bool is_publishers = name.starts_with("diffusion_model.") || name.starts_with("unet.");
  const string_view kohya = component == "unet"  ? (is_publishers ? "lora_unet_" : "lora_transformer_")
                            : component == "te1" ? (sole_encoder ? "lora_te_" : "lora_te1_")
                            : component == "te2" ? "lora_te2_"
                                                 : "lora_te3_";
  return sentence(kohya, with_underscores(path));
}

}  // namespace ckmerge
