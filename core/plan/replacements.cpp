// SPDX-License-Identifier: Apache-2.0
#include "core/plan/replacements.h"

#include <algorithm>

#include "core/inputs/whole_part.h"
#include "core/names/training_state.h"
#include "core/plan/stale_averages.h"
#include "io/table/average_rows.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {

Replacements::Replacements(const Recipe& recipe, std::span<const Checkpoint> checkpoints)
    : recipe_(recipe), checkpoints_(checkpoints) {
  if (recipe.bake_vae) used_.resize(vae().tensors.size());
  if (recipe.ema == EmaPolicy::use) used_.resize(checkpoints[0].tensors.size());
}

std::optional<Replacement> Replacements::find(std::string_view name, uint32_t first) {
  if (recipe_.bake_vae) return in_vae(name);
  if (recipe_.ema == EmaPolicy::use && !checkpoints_[0].average_taken) return in_ema(name, first);
  return std::nullopt;
}

std::optional<Replacement> Replacements::in_vae(std::string_view name) {
  const size_t row = vae().tensors.find(name);
  if (row == TensorTable::npos) return std::nullopt;
  used_[row] = true;
  const Source source{static_cast<uint32_t>(vae_input(recipe_, checkpoints_.size())), static_cast<uint32_t>(row)};
  return Replacement{source, source, Action::bake};
}

std::optional<Replacement> Replacements::in_ema(std::string_view name, uint32_t first) {
  const std::string average = ema_name(name);
  if (average.empty()) return std::nullopt;
  const size_t row = checkpoints_[0].tensors.find(average);
  if (row == TensorTable::npos) {
    unshadowed_.push_back({0, first});
    return std::nullopt;
  }
  if (used_[row])
    throw Error(ErrorCode::mismatch, std::string(name),
                sentence(checkpoints_[0].path, ": ", name, " and another weight would have the same average, ", average,
                         ", because its name has no dots; use --ema drop"));
  used_[row] = true;
  return Replacement{{0, first}, {0, static_cast<uint32_t>(row)}, Action::ema};
}

std::string Replacements::why_no_place() const {
  const Checkpoint& model = checkpoints_[0];
  if (leaves_out_vae_) return ", whose VAE 'rules' drop; leave out that rule, or the VAE";
  if (whole_part(model) == Part::vae) return ", which is a VAE itself; give the checkpoint first, the VAE with --vae";
  for (size_t i = 0; i < model.tensors.size(); ++i)
    if (part_of(model.tensors[i].name) == Part::vae) return ", whose VAE has other names";
  return ", which has no VAE; `ckmerge compose --unet M --te M --vae V` puts one in";
}

// An average may be there, and be hidden by what the user asked for.
std::string Replacements::why_no_average(const Checkpoint& from) const {
  if (!from.key.empty())
    for (const TensorDict& dict : from.dicts)
      if (dict.key != from.key && says_average(std::string_view(dict.key).substr(dict.key.rfind('.') + 1)))
        return sentence("holds no average of its weights in ", from.key, ", but ", dict.key,
                        " beside it; leave out --key, or give --key ", dict.key, " without --ema use");
  if (!recipe_.layout.empty())
    return sentence("holds no average of its weights where any is known to be kept, by its own names, which --layout ",
                    recipe_.layout, " would change; leave out --ema use");
  const char* const renaming = !recipe_.strip_prefix.empty() ? "--strip-prefix"
                               : !recipe_.rename.empty()     ? "--rename"
                               : !recipe_.add_prefix.empty() ? "--add-prefix"
                                                             : nullptr;
  if (renaming)
    return sentence("holds no average of its weights under the names that ", renaming,
                    " gave, where they are looked for; leave out ", renaming,
                    " and rename the result, or leave out --ema use");
  return "holds no average of its weights where any is known to be kept; leave out --ema use";
}

void Replacements::fail_without(const Checkpoint& from) const {
  if (recipe_.bake_vae)
    throw Error(ErrorCode::mismatch, from.path,
                from.path + ": no tensor of this VAE is in " + checkpoints_[0].path + why_no_place());
  throw Error(ErrorCode::mismatch, from.path, sentence(from.path, ": ", why_no_average(from)), averages_looked_for());
}

void Replacements::finish(Plan& plan) const {
  if (!recipe_.bake_vae && recipe_.ema != EmaPolicy::use) return;
  const uint32_t k = recipe_.bake_vae ? static_cast<uint32_t>(vae_input(recipe_, checkpoints_.size())) : 0;
  const Checkpoint& from = checkpoints_[k];
  if (std::ranges::find(used_, true) == used_.end()) {
    if (recipe_.bake_vae || !from.average_taken) fail_without(from);
  }
  if (!recipe_.bake_vae)
    if (const std::string doubt = doubt_about_averages(from); !doubt.empty())
      throw Error(ErrorCode::mismatch, from.path,
                  sentence(from.path, ": ", doubt,
                           "; leave them out (--ema drop), or use those of its parents and merge "
                           "the results"));
  std::vector<bool> unused(used_.size());
  for (size_t row = 0; row < used_.size(); ++row) {
    const std::string_view name = from.tensors[row].name;
    const bool searched = recipe_.bake_vae || (is_ema(name) && !is_training_state(name));
    if (!searched || used_[row]) continue;
    plan.unused.push_back({k, static_cast<uint32_t>(row)});
    unused[row] = true;
  }
  // Reported once: averages are left out in any case.
  std::erase_if(plan.discarded, [&](const auto& source) { return source.checkpoint == k && unused[source.tensor]; });
  plan.unshadowed = unshadowed_;
}

}  // namespace ckmerge
