// SPDX-License-Identifier: Apache-2.0
#include "core/plan/stale_averages.h"

#include <algorithm>
#include <functional>

#include "core/names/training_state.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Counters alone are none.
bool has_averages(const TensorTable& tensors) {
  size_t begin = 0, end = tensors.size();
  while (begin < end) {
    const size_t middle = begin + (end - begin) / 2;
    if (tensors[middle].name < kLitEma.average)
      begin = middle + 1;
    else
      end = middle;
  }
  while (begin < tensors.size() && is_ema(tensors[begin].name) && is_training_state(tensors[begin].name)) ++begin;
  return begin < tensors.size() && is_ema(tensors[begin].name);
}

std::string_view field(const Checkpoint& checkpoint, std::string_view key) {
  const auto found = std::ranges::find(checkpoint.metadata, key, &Metadata::value_type::first);
  return found == checkpoint.metadata.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

StaleAverages::StaleAverages(const Recipe& recipe, std::span<const Checkpoint> merged) {
  if (merged.size() < 2 || !recipe.roles.empty()) return;
  for (const Checkpoint& checkpoint : merged) {
    const bool has = has_averages(checkpoint.tensors);
    active_ |= has;
    if (!has && lacking_.empty()) lacking_ = checkpoint.path;
  }
}

bool StaleAverages::leaves_out(std::string_view name, bool merged, bool of_first) {
  if (!active_) return false;
  if (!is_ema(name)) {
    ema_name(name, room_);
    if (room_.empty()) return false;
    weights_.push_back((std::hash<std::string>()(room_) & ~uint64_t{1}) | merged);
    any_merged_ |= merged;
    return false;
  }
  const bool fits = is_training_state(name) ? merged || (of_first && !any_merged_)
                                            : (merged || of_first) && fits_its_weight(name, merged);
  ++(fits ? kept_ : left_out_);
  return !fits;
}

// By its weight, which came before it: `model.` is less than `model_ema.`. An average of nothing fits as it is.
bool StaleAverages::fits_its_weight(std::string_view name, bool merged) {
  if (!sorted_) std::ranges::sort(weights_);
  sorted_ = true;
  room_ = name;
  const uint64_t wanted = std::hash<std::string>()(room_) & ~uint64_t{1};
  const auto found = std::ranges::lower_bound(weights_, wanted);
  return found == weights_.end() || (*found & ~uint64_t{1}) != wanted || (*found & 1) == uint64_t{merged};
}

void StaleAverages::finish(Plan& plan) const {
  plan.kind.averages = plan.kind.averages || (active_ && left_out_ == 0 && kept_ > 0);
  if (left_out_ == 0) return;
  plan.warnings.push_back(
      sentence(counted(left_out_, "tensor"), " of averages of weights (", kLitEma.average, ") ",
               left_out_ == 1 ? "is" : "are", " left out, being of one checkpoint's weights and not of the merged ones",
               lacking_.empty() ? std::string() : sentence(": ", lacking_, " has none to merge with")));
}

std::string doubt_about_averages(const Checkpoint& checkpoint) {
  if (!field(checkpoint, kAveragesField).empty()) return "";
  const std::string_view recipe = field(checkpoint, "sd_merge_recipe");
  const bool merged =
      recipe.find("\"interp_method\"") != recipe.npos && recipe.find("\"No interpolation\"") == recipe.npos;
  return merged ? "its weights were merged (sd_merge_recipe), its averages are one input's" : "";
}

}  // namespace ckmerge
