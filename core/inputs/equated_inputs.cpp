// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/equated_inputs.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "core/inputs/common_spelling.h"
#include "core/inputs/equated_experts.h"
#include "core/inputs/equated_families.h"
#include "core/inputs/equated_fragments.h"
#include "core/inputs/equated_names.h"
#include "core/inputs/equated_ones.h"
#include "core/inputs/own_discards.h"
#include "core/inputs/whole_part.h"
#include "core/names/lacking_names.h"
#include "core/recipe/layout_fields.h"
#include "io/checkpoint.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr size_t kMostShown = 4;

std::string shown(const std::vector<std::string>& changes) {
  std::string text;
  for (size_t i = 0; i < std::min(kMostShown, changes.size()); ++i) text += (i == 0 ? "" : ", ") + changes[i];
  if (changes.size() > kMostShown) text += sentence(" and ", changes.size() - kMostShown, " more");
  return text;
}

void note(Checkpoint& checkpoint, const std::vector<std::string>& done) {
  for (const std::string& clause : done) {
    checkpoint.notes.push_back("brought to A's names: " + clause);
    checkpoint.equated.push_back(clause);
  }
}

bool is_left_alone(const Checkpoint& first, const Checkpoint& other, bool copies_codes) {
  if (have_one_description(first.tensors, other.tensors)) return true;
  if (lists_tensors_by_name(first) || lists_tensors_by_name(other)) return true;
  return other.judgement.holds != Holds::weights && !copies_codes;
}

bool lack_each_others(const Checkpoint& first, const Checkpoint& other) {
  return lacking_names(first.tensors, other.tensors).on_both_sides();
}

// Returns names of experts of which nothing tells how they lie.
std::vector<std::string> bring_by_rules(Checkpoint& first, Checkpoint& other) {
  // A VAE among models is meant to be baked in, and is told so.
  if (is_vae_for_model(first, other)) return {};
  std::vector<std::string> done = equate_families(first, other);
  for (std::string& clause : equate_fragments(first, other)) done.push_back(std::move(clause));
  EquatedExperts experts = equate_experts(first, other);
  std::ranges::move(experts.done, std::back_inserter(done));
  const EquatedNames spelled = equate_names(first, other);
  if (spelled.count > 0)
    done.push_back(sentence(counted(spelled.count, "name"), " as A spells them: ", shown(spelled.changes)));
  note(other, done);
  if (!done.empty() && lack_each_others(first, other)) bring_to_common_spelling(first, other);
  return std::move(experts.doubtful);
}

std::vector<std::string> bring_names(Checkpoint& first, Checkpoint& other) {
  if (!fits_several(first, other)) bring_to_common_spelling(first, other);
  return lack_each_others(first, other) ? bring_by_rules(first, other) : std::vector<std::string>();
}

std::string doubt_about_experts(const Checkpoint& other, const std::vector<std::string>& names) {
  return sentence(
      other.path, ": ", counted(names.size(), "tensor"), " of stacked experts ", names.size() == 1 ? "is" : "are",
      " square, and nothing beside tells whether rows or columns come first; taken to lie as A's do: ", shown(names));
}

// Returns a warning, or nothing.
std::string bring(const Recipe& recipe, Checkpoint& first, Checkpoint& other) {
  std::vector<std::string> doubtful;
  if (!is_left_alone(first, other, recipe.copy_codes)) {
    if (lack_each_others(first, other))
      bring_without_discarded(recipe, {&first, &other}, [&] { doubtful = bring_names(first, other); });
    note(other, turn_experts(first, other));
    note(other, equate_ones(first, other));
  }
  std::ranges::move(undecided_experts(first, other), std::back_inserter(doubtful));
  return doubtful.empty() ? "" : doubt_about_experts(other, doubtful);
}

}  // namespace

std::vector<std::string> equate_inputs(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  std::vector<std::string> warnings;
  const size_t merged = given_inputs(recipe, checkpoints.size());
  if (merged == 0 || !recipe.roles.empty() || checkpoints[0].tensors.size() == 0) return warnings;
  for (size_t k = 1; k < merged; ++k) {
    if (checkpoints[k].tensors.size() == 0) continue;
    if (std::string doubt = bring(recipe, checkpoints[0], checkpoints[k]); !doubt.empty())
      warnings.push_back(std::move(doubt));
    if (!checkpoints[k].equated.empty()) share_names(std::span(checkpoints).first(k + 1));
  }
  if (recipe.bake_vae && checkpoints.size() > merged) {
    note(checkpoints.back(), equate_vae(checkpoints[0], checkpoints.back()));
    note(checkpoints.back(), equate_ones(checkpoints[0], checkpoints.back()));
  }
  return warnings;
}

}  // namespace ckmerge
