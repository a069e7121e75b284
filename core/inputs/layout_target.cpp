// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/layout_target.h"

#include <algorithm>

#include "io/input_forms.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

bool is_model(ComponentRole role) { return role == ComponentRole::transformer || role == ComponentRole::unet; }

// VAEs may have the same prefix in a file.
bool is_of_folder(const PlacedComponent& component) {
  return component.prefix == folder_of(component.member) + "." && component.prefix != "vae." &&
         component.prefix != "audio_vae.";
}

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::mismatch, path, sentence(path, ": ", what));
}

}  // namespace

LayoutTarget::LayoutTarget(AskedLayout layout, const PlacedComponents& placed, const Checkpoint& checkpoint)
    : layout_(layout),
      placed_(placed),
      pipeline_(placed.layout),
      path_(checkpoint.path),
      sub_folders_(components_of(checkpoint)),
      several_(placed.components.size() > 1 || (layout == AskedLayout::diffusers && !sub_folders_.empty())),
      of_folder_(std::ranges::any_of(placed.components, is_of_folder)) {
  check(placed);
}

void LayoutTarget::check(const PlacedComponents& placed) const {
  if (!several_) return;
  if (layout_ == AskedLayout::diffusers) return;
  const auto models =
      std::ranges::count_if(placed.components, [](const PlacedComponent& c) { return is_model(c.member.role); });
  if (models > 1)
    refuse(path_,
           "holds two models that denoise (transformer and transformer_2), and one file has a place for one; "
           "convert each sub-folder into a file of its own");
  if (!pipeline_)
    refuse(path_, sentence("its parts are of no pipeline whose names in one file are known; convert the components one "
                           "by one (",
                           sub_folders_.empty() ? "--part" : "--layout on each sub-folder", ")"));
}

const EncoderPlace* LayoutTarget::encoder_place(const PlacedComponent& component) const {
  return pipeline_ ? place_of_encoder(*pipeline_, component.member.number) : nullptr;
}

std::optional<std::string> LayoutTarget::prefix_of(const PlacedComponent& component) const {
  const ComponentRole role = component.member.role;
  if (layout_ == AskedLayout::diffusers) return several_ ? folder_of(component.member) + "." : "";
  if (role == ComponentRole::audio_vae) return folder_of(component.member) + ".";
  if (!several_ && component.told) return component.told->family->prefix_alone;
  if (!several_) return role == ComponentRole::unet ? "model.diffusion_model." : "";
  if (role == ComponentRole::controlnet) return std::nullopt;
  if (is_model(role)) return pipeline_->unet_prefix;
  if (role == ComponentRole::vae) return pipeline_->vae_prefix;
  const EncoderPlace* const place = encoder_place(component);
  if (!place) return std::nullopt;
  return std::string(place->prefix).append(place->transformer);
}

Naming LayoutTarget::naming_of(const PlacedComponent& component) const {
  const EncoderPlace* const place =
      component.member.role == ComponentRole::text_encoder ? encoder_place(component) : nullptr;
  const bool open_clip = several_ && layout_ != AskedLayout::diffusers && place && place->open_clip;
  return naming_in(layout_, *component.told->family, open_clip);
}

std::vector<std::string> LayoutTarget::prefixes() const {
  std::vector<std::string> prefixes;
  for (const PlacedComponent& component : placed_.components)
    if (const auto prefix = prefix_of(component); !component.prefix.empty()) {
      prefixes.push_back(component.prefix);
      if (prefix && !prefix->empty()) prefixes.push_back(*prefix);
    }
  return prefixes;
}

std::vector<std::string> LayoutTarget::kept_prefixes(const PlacedComponents& placed) const {
  std::vector<std::string> kept;
  for (const PlacedComponent& component : placed.components)
    if (prefix_of(component)) kept.push_back(component.prefix);
  return kept;
}

bool LayoutTarget::keeps(std::string_view name) const {
  if (layout_ != AskedLayout::diffusers) return !of_folder_ && sub_folders_.empty();
  return std::ranges::find(sub_folders_, name.substr(0, name.find('.'))) != sub_folders_.end();
}

std::string LayoutTarget::has_no_place() const {
  return layout_ == AskedLayout::diffusers
             ? "which a folder of diffusers has no place for"
             : sentence("which one file of ", pipeline_ ? pipeline_->name : "this family", " has no place for");
}

}  // namespace ckmerge
