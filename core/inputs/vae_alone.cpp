// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/vae_alone.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/families/told_component.h"
#include "core/names/part.h"
#include "core/names/whole_part.h"

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

}  // namespace

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
