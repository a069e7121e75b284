// SPDX-License-Identifier: Apache-2.0
#include "core/plan/stale_averages.h"

#include <algorithm>
#include <functional>

#include "core/names/training_state.h"
#include "core/plan/name_walk.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr uint64_t kOriginBits = 3;

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

StaleAverages::StaleAverages(const Recipe& recipe, std::span<const Checkpoint> merged)
    : checkpoints_(merged), adds_(recipe.extra == ExtraPolicy::add) {
  if (merged.size() < 2 || !recipe.roles.empty()) return;
  for (const Checkpoint& checkpoint : merged) {
    const bool has = has_averages(checkpoint.tensors);
    active_ |= has;
    if (!has && lacking_.empty()) lacking_ = checkpoint.path;
  }
}

StaleAverages::Origin StaleAverages::origin(std::span<const uint32_t> rows, bool inside) const {
  const bool everywhere = std::ranges::find(rows, NameWalk::kAbsent) == rows.end();
  if (everywhere && inside) return Origin::merged;
  if (rows[0] != NameWalk::kAbsent) return Origin::first;
  return adds_ && inside ? Origin::other : Origin::none;
}

void StaleAverages::weigh(Selection& selection) {
  if (!active_) return;
  for (NameWalk walk(checkpoints_); walk.advance();)
    if (const Selection::Place place = selection.place(walk.name()); place != Selection::Place::discarded)
      weigh_one(walk.name(), walk.rows(), place == Selection::Place::inside);
}

// Names come in order.
void StaleAverages::weigh_one(std::string_view name, std::span<const uint32_t> rows, bool inside) {
  const Origin own = origin(rows, inside);
  if (!is_ema(name)) {
    ema_name(name, room_);
    if (!room_.empty())
      weights_.push_back((std::hash<std::string>()(room_) & ~kOriginBits) | static_cast<uint64_t>(own));
  } else if (fit_ && !is_training_state(name) && !fits_its_weight(name, own)) {
    fit_ = false;
    if (const auto lacks = std::ranges::find(rows, NameWalk::kAbsent); lacks != rows.end())
      incomplete_ = checkpoints_[static_cast<size_t>(lacks - rows.begin())].path;
  }
}

bool StaleAverages::leaves_out(std::string_view name) {
  if (!active_ || !is_ema(name)) return false;
  ++(fit_ ? kept_ : left_out_);
  return !fit_;
}

// By its weight, which came before it: `model.` is less than `model_ema.`. An average of nothing fits as it is.
bool StaleAverages::fits_its_weight(std::string_view name, Origin origin) {
  if (!sorted_) std::ranges::sort(weights_);
  sorted_ = true;
  room_ = name;
  const uint64_t wanted = std::hash<std::string>()(room_) & ~kOriginBits;
  const auto found = std::ranges::lower_bound(weights_, wanted);
  if (found == weights_.end() || (*found & ~kOriginBits) != wanted) return true;
  const auto of_weight = static_cast<Origin>(*found & kOriginBits);
  return origin == of_weight || (origin == Origin::none && of_weight != Origin::merged);
}

std::string StaleAverages::reason() const {
  if (!lacking_.empty()) return sentence(": ", lacking_, " has none to merge with");
  if (!incomplete_.empty()) return sentence(": ", incomplete_, " has only some of them");
  return ": --only and --exclude do not merge the same of them as of their weights";
}

void StaleAverages::finish(Plan& plan) const {
  plan.kind.averages = plan.kind.averages || (active_ && left_out_ == 0 && kept_ > 0);
  if (left_out_ == 0) return;
  plan.warnings.push_back(sentence(counted(left_out_, "tensor"), " of averages of weights (", kLitEma.average, ") ",
                                   left_out_ == 1 ? "is" : "are",
                                   " left out, being no averages of the weights that the result has", reason()));
}

std::string doubt_about_averages(const Checkpoint& checkpoint) {
  if (!field(checkpoint, kAveragesField).empty()) return "";
  const std::string_view recipe = field(checkpoint, "sd_merge_recipe");
  const bool merged =
      recipe.find("\"interp_method\"") != recipe.npos && recipe.find("\"No interpolation\"") == recipe.npos;
  return merged ? "its weights were merged (sd_merge_recipe), its averages are one input's" : "";
}

}  // namespace ckmerge
