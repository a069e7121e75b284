// SPDX-License-Identifier: Apache-2.0
#include "core/families/told_architecture.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/families/told_component.h"

namespace ckmerge {
namespace {

bool is_model(const ToldComponent& component) {
  return component.family->role == ComponentRole::transformer || component.family->role == ComponentRole::unet;
}

const char* kind_of(ComponentRole role) {
  switch (role) {
    case ComponentRole::transformer:
    case ComponentRole::unet: return "diffusion model";
    case ComponentRole::vae: return "vae";
    case ComponentRole::text_encoder: return "text encoder";
  }
  return "";
}

}  // namespace

ArchitectureGuess tell_architecture(const Checkpoint& checkpoint) {
  ArchitectureGuess guess = guess_architecture(checkpoint.tensors, checkpoint.metadata, checkpoint.judgement);
  const bool has_codes = checkpoint.judgement.holds == Holds::codes;
  const bool is_told = !guess.kind.empty() && !(has_codes && guess.kind.starts_with("quantized"));
  if (is_told || checkpoint.judgement.holds == Holds::factors) return guess;
  const std::vector<ToldComponent> told = told_components(checkpoint.tensors);
  const auto model = std::ranges::find_if(told, is_model);
  if (model == told.end() && told.size() != 1) return guess;  // several that are no model: which of them it is, is open
  const ModelFamily& family = model == told.end() ? *told[0].family : *model->family;
  const std::string kind = model != told.end() && told.size() > 1 ? "checkpoint" : kind_of(family.role);
  if (guess.architecture.empty()) guess.architecture = family.name;
  guess.kind = guess.kind.empty() ? kind : kind + ", " + guess.kind;
  return guess;
}

}  // namespace ckmerge
