// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/whole_part.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/families/told_component.h"
#include "core/names/architecture.h"
#include "core/names/part.h"

namespace ckmerge {
namespace {

bool is_model(std::optional<Part> part) { return part == Part::unet || part == Part::te; }

// Anything that is no VAE. A fragment of one, which cannot be told, is none.
bool holds_models(const Checkpoint& checkpoint) {
  const auto is_told = [](const ToldComponent& component) { return component.family->role != ComponentRole::vae; };
  if (std::ranges::any_of(told_components(checkpoint.tensors), is_told)) return true;
  for (size_t row = 0; row < checkpoint.tensors.size(); ++row)
    if (is_model(part_of(checkpoint.tensors.name(row)))) return true;
  return is_model(whole_part(checkpoint));
}

Part part_of_role(ComponentRole role) {
  switch (role) {
    case ComponentRole::vae:
    case ComponentRole::audio_vae: return Part::vae;
    case ComponentRole::text_encoder: return Part::te;
    case ComponentRole::transformer:
    case ComponentRole::controlnet:
    case ComponentRole::unet: break;
  }
  return Part::unet;
}

std::optional<Part> guessed_part(const Checkpoint& checkpoint) {
  const std::string kind = guess_architecture(checkpoint.tensors, checkpoint.metadata, checkpoint.judgement).kind;
  if (kind.starts_with("diffusion model")) return Part::unet;
  if (kind.starts_with("vae")) return Part::vae;
  if (kind.starts_with("text encoder")) return Part::te;
  return std::nullopt;
}

}  // namespace

std::optional<Part> whole_part(const Checkpoint& checkpoint) {
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
    if (part_of(checkpoint.tensors.name(i))) return std::nullopt;
  const std::vector<ToldComponent> told = told_components(checkpoint.tensors);
  if (told.empty()) return guessed_part(checkpoint);
  const Part part = part_of_role(told[0].family->role);
  const auto is_same = [&](const ToldComponent& one) { return part_of_role(one.family->role) == part; };
  return std::ranges::all_of(told, is_same) ? std::optional(part) : std::nullopt;
}

bool is_vae_alone(const Checkpoint& checkpoint) {
  const std::vector<ToldComponent> told = told_components(checkpoint.tensors);
  const auto is_vae = [](const ToldComponent& component) { return component.family->role == ComponentRole::vae; };
  if (!std::ranges::all_of(told, is_vae)) return false;
  if (whole_part(checkpoint) == Part::vae) return true;
  const auto is_inside = [&](size_t row) {
    return std::ranges::any_of(
        told, [&](const ToldComponent& vae) { return checkpoint.tensors.name(row).starts_with(vae.prefix); });
  };
  size_t inside = 0;
  for (size_t row = 0; row < checkpoint.tensors.size(); ++row) inside += is_inside(row);
  return !told.empty() && inside == checkpoint.tensors.size();
}

bool is_vae_for_model(const Checkpoint& first, const Checkpoint& other) {
  return is_vae_alone(other) && !is_vae_alone(first) && holds_models(first);
}

}  // namespace ckmerge
