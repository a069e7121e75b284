// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/equated_inputs.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "core/inputs/common_spelling.h"
#include "core/inputs/component_places.h"
#include "core/inputs/equated_experts.h"
#include "core/inputs/equated_families.h"
#include "core/inputs/equated_fragments.h"
#include "core/inputs/equated_names.h"
#include "core/inputs/equated_ones.h"
#include "core/inputs/own_discards.h"
#include "core/inputs/whole_part.h"
#include "core/layouts/taken_component.h"
#include "core/names/lacking_names.h"
#include "core/recipe/layout_fields.h"
#include "io/checkpoint.h"
#include "io/input_forms.h"
#include "io/text/error.h"
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

// Of a pipeline and one component alone: which of its components that is may be known by where it lies.
void bring_to_meant_component(const Checkpoint& first, Checkpoint& other) {
  const bool is_into = is_pipeline(first);
  if (is_into == is_pipeline(other)) return;
  const std::string component = is_into ? meant_component(first, other) : meant_component(other, first);
  if (component.empty()) return;
  const std::string front = component + ".";
  other.rename([&](std::string_view name) {
    if (is_into) return front + std::string(name);
    return std::string(name.starts_with(front) ? name.substr(front.size()) : name);
  });
  const std::string what = is_into ? "taken as A's " + component : "its " + component + " is taken, as A is one";
  other.notes.push_back(what);
  other.equated.push_back(what);
}

bool share_a_name(const Checkpoint& a, const Checkpoint& b) {
  return lacking_names(a.tensors, b.tensors).of_first.size() < a.tensors.size();
}

bool is_denoiser(const std::string& component) {
  return component.starts_with("unet") || component.starts_with("transformer");
}

// Of two pipelines, those that have nothing to merge with, though both have some of that name, or of that task.
struct Strangers {
  std::vector<std::string> components = {};
  bool any_denoiser = false;  // has a partner
};

// What denoises is what is merged: for the rest alone --component is asked for.
void expect_partners(const Recipe& recipe, const Checkpoint& first, const Checkpoint& other,
                     const Strangers& strangers) {
  const auto denoiser_of = [](const Checkpoint& checkpoint) {
    for (const std::string& component : components_of(checkpoint))
      if (is_denoiser(component) && has_component(checkpoint.tensors, component)) return component;
    return std::string();
  };
  const std::string own = denoiser_of(first), theirs = denoiser_of(other);
  if (recipe.extra == ExtraPolicy::add || strangers.any_denoiser || own.empty() || theirs.empty() ||
      !recipe.only.empty() || !recipe.parts.empty())
    return;
  throw Error(ErrorCode::mismatch, other.path,
              sentence(other.path, ": its ", theirs, " has no tensor name in common with the ", own, " of ", first.path,
                       ", so they are of different families; --component NAME merges a component that both have"));
}

struct Doubts {
  std::vector<std::string> experts = {};   // names
  std::vector<std::string> warnings = {};  // sentences
};

// Of two pipelines each component is compared with that of the same name, and with no other; what is no pipeline is one
// of A's components, whichever it fits.
Doubts bring_pipeline(const Recipe& recipe, Checkpoint& first, Checkpoint& other) {
  bring_to_meant_component(first, other);
  const std::vector<std::string> components = components_of(first);
  const auto has_it = [&](const std::string& component) { return has_component(other.tensors, component); };
  const bool are_pipelines = is_pipeline(first) && is_pipeline(other) && recipe.layout != "comfy";
  Doubts doubts;
  if (std::ranges::none_of(components, has_it)) {
    if (are_pipelines) expect_partners(recipe, first, other, {});
    doubts.experts = bring_names(first, other);
    return doubts;
  }
  Strangers strangers;
  size_t next = 0;
  bring_components(first, other, components, [&](Checkpoint& own, Checkpoint& theirs) {
    while (!has_component(first.tensors, components[next]) || !has_it(components[next])) ++next;
    const std::string& component = components[next++];
    if (lack_each_others(own, theirs)) std::ranges::move(bring_names(own, theirs), std::back_inserter(doubts.experts));
    if (!share_a_name(own, theirs))
      strangers.components.push_back(component);
    else
      strangers.any_denoiser |= is_denoiser(component);
  });
  if (!are_pipelines) return doubts;
  expect_partners(recipe, first, other, strangers);
  for (const std::string& component : strangers.components)
    doubts.warnings.push_back(sentence(other.path, ": its ", component,
                                       " has no tensor name in common with A's, so nothing of it is merged"));
  return doubts;
}

std::string doubt_about_experts(const Checkpoint& other, const std::vector<std::string>& names) {
  return sentence(
      other.path, ": ", counted(names.size(), "tensor"), " of stacked experts ", names.size() == 1 ? "is" : "are",
      " square, and nothing beside tells whether rows or columns come first; taken to lie as A's do: ", shown(names));
}

// Returns warnings.
std::vector<std::string> bring(const Recipe& recipe, Checkpoint& first, Checkpoint& other) {
  Doubts doubts;
  if (!is_left_alone(first, other, recipe.copy_codes)) {
    if (lack_each_others(first, other))
      bring_without_discarded(recipe, {&first, &other}, [&] { doubts = bring_pipeline(recipe, first, other); });
    note(other, turn_experts(first, other));
    note(other, equate_ones(first, other));
  }
  std::ranges::move(undecided_experts(first, other), std::back_inserter(doubts.experts));
  if (!doubts.experts.empty()) doubts.warnings.push_back(doubt_about_experts(other, doubts.experts));
  return std::move(doubts.warnings);
}

// Of two pipelines, what one of them lacks as a whole.
void note_components(const Checkpoint& first, Checkpoint& other) {
  const std::vector<std::string> own = components_of(first), theirs = components_of(other);
  if (own.empty() || theirs.empty()) return;
  const auto lacking = [](const std::vector<std::string>& from, const std::vector<std::string>& in) {
    std::string names;
    for (const std::string& name : from)
      if (std::ranges::find(in, name) == in.end()) names += (names.empty() ? "" : ", ") + name;
    return names;
  };
  if (const std::string names = lacking(own, theirs); !names.empty())
    other.notes.push_back(sentence("has no ", names, ", which A has"));
  if (const std::string names = lacking(theirs, own); !names.empty())
    other.notes.push_back(sentence("has ", names, ", which A lacks"));
}

}  // namespace

std::vector<std::string> equate_inputs(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  std::vector<std::string> warnings;
  const size_t merged = given_inputs(recipe, checkpoints.size());
  if (merged == 0 || !recipe.roles.empty() || checkpoints[0].tensors.size() == 0) return warnings;
  for (size_t k = 1; k < merged; ++k) {
    if (checkpoints[k].tensors.size() == 0) continue;
    std::ranges::move(bring(recipe, checkpoints[0], checkpoints[k]), std::back_inserter(warnings));
    note_components(checkpoints[0], checkpoints[k]);
    if (!checkpoints[k].equated.empty()) share_names(std::span(checkpoints).first(k + 1));
  }
  if (recipe.bake_vae && checkpoints.size() > merged) {
    bring_without_discarded(recipe, {&checkpoints.back()},
                            [&] { note(checkpoints.back(), equate_vae(checkpoints[0], checkpoints.back())); });
    note(checkpoints.back(), equate_ones(checkpoints[0], checkpoints.back()));
  }
  return warnings;
}

}  // namespace ckmerge
