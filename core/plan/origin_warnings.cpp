// SPDX-License-Identifier: Apache-2.0
#include "core/plan/origin_warnings.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "core/names/part.h"
#include "core/recipe/inherited_metadata.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Givers = std::array<std::set<uint32_t>, kPartCount>;

bool keeps_fields(const Recipe& recipe) {
  return recipe.metadata == MetadataPolicy::keep || recipe.metadata == MetadataPolicy::last;
}

Givers givers_of_parts(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  Givers givers;
  for (const Step& step : plan.steps) {
    if (step.action == Action::copy_buffer || step.action == Action::copy_positions) continue;
    const auto part = part_of(checkpoints[step.named.checkpoint].tensors[step.named.tensor].name);
    if (!part) continue;
    for (uint32_t s = 0; s < step.source_count; ++s)
      givers[static_cast<size_t>(*part)].insert(plan.source(step, s).checkpoint);
  }
  return givers;
}

void warn_of_parts(const Plan& plan, std::span<const Checkpoint> checkpoints, std::string_view key,
                   const std::string& value, std::vector<std::string>& warnings) {
  const auto primary = static_cast<uint32_t>(primary_input(plan.recipe));
  const Givers givers = givers_of_parts(plan, checkpoints);
  std::map<std::string_view, std::string> parts;  // by the path that they come from
  for (size_t i = 0; i < kPartCount; ++i) {
    if (givers[i].empty() || givers[i].contains(primary)) continue;
    const Checkpoint& giver = checkpoints[*givers[i].begin()];
    const std::string* const own = find_field(giver, key);
    if (own && say_the_same(*own, value)) continue;
    std::string& names = parts[giver.path];
    names += (names.empty() ? "the " : " and the ") + std::string(kPartNames[i]);
  }
  for (const auto& [path, names] : parts) {
    const bool several = names.find(" and ") != names.npos;
    warnings.push_back(sentence(names, several ? " come from " : " comes from ", path, ", but ", key,
                                " in the metadata, by which ", several ? "they are" : "it is", " read, from ",
                                checkpoints[primary].path));
  }
}

// What the output's metadata say, where it is the user's or the primary input's.
const std::string* written_field(const Plan& plan, const Checkpoint& primary, std::string_view key) {
  for (const auto& [name, value] : plan.recipe.set_metadata)
    if (name == key) return &value;
  return keeps_fields(plan.recipe) ? find_field(primary, key) : nullptr;
}

void warn_of_prediction(const Plan& plan, std::span<const Checkpoint> checkpoints, const Checkpoint& primary,
                        std::vector<std::string>& warnings) {
  constexpr std::string_view kMark = "v_pred";
  const bool marked = std::ranges::any_of(plan.steps, [&](const Step& step) {
    return checkpoints[step.named.checkpoint].tensors[step.named.tensor].name == kMark;
  });
  const bool was_marked = primary.tensors.find(kMark) != TensorTable::npos;
  for (const std::string_view key : {"modelspec.prediction_type", "modelspec.predict_key"}) {
    const std::string* const value = written_field(plan, primary, key);
    if (!value) continue;
    const bool says_v = value->starts_with('v');
    if (marked && !says_v)
      warnings.push_back(sentence("the tensor v_pred says that the model predicts v, ", key, " in the metadata says ",
                                  *value, "; programs go by the tensor (--set-metadata ", key, "=v)"));
    else if (!marked && was_marked && says_v)
      warnings.push_back(sentence(key, " in the metadata says ", *value,
                                  ", but the tensor v_pred, by which programs go, is left out"));
  }
}

}  // namespace

std::vector<std::string> origin_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> warnings;
  const size_t primary = primary_input(plan.recipe);
  if (primary >= checkpoints.size()) return warnings;
  if (keeps_fields(plan.recipe))
    for (const std::string_view key : configuration_keys()) {
      const std::string* const value = find_field(checkpoints[primary], key);
      if (value && !is_set(plan.recipe, key)) warn_of_parts(plan, checkpoints, key, *value, warnings);
    }
  if (may_predict(plan.recipe)) warn_of_prediction(plan, checkpoints, checkpoints[primary], warnings);
  return warnings;
}

}  // namespace ckmerge
