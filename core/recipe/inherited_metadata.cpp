// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/inherited_metadata.h"

#include <algorithm>
#include <optional>

#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

constexpr std::string_view kConfiguration[] = {"config", "model_version"};
// ComfyUI, forge and others take v-prediction from these where no mark says it.
constexpr std::string_view kPrediction[] = {"modelspec.prediction_type", "modelspec.predict_key"};
constexpr std::string_view kCard = "modelspec.";

// What differs in these means something for whoever uses the result. Titles, authors and dates differ always.
constexpr std::string_view kActedOn[] = {
    "config",
    "model_version",
    "prediction_type",
    "license",
    "licence",
    "trigger_words",
    "trigger_phrase",
    "activation text",
    "modelspec.architecture",
    "modelspec.prediction_type",
    "modelspec.predict_key",
    "modelspec.resolution",
    "modelspec.encoder_layer",
    "modelspec.license",
    "modelspec.trigger_phrase",
    "modelspec.usage_hint",
};

bool is_one_of(std::span<const std::string_view> keys, std::string_view key) {
  return std::ranges::find(keys, key) != keys.end();
}

bool is_primarys_alone(std::string_view key) { return is_one_of(kConfiguration, key) || is_one_of(kPrediction, key); }

// Not within a character.
size_t cut(const std::string& text, size_t at) {
  while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return std::min(at, text.size());
}

// A piece of `value` from shortly before `place` on.
std::string quoted(const std::string& value, size_t place = 0) {
  constexpr size_t kShown = 40, kBefore = 20;  // bytes
  const size_t begin = value.size() <= kShown || place <= kBefore ? 0 : cut(value, place - kBefore);
  const size_t end = cut(value, begin + kShown);
  return (begin > 0 ? "'..." : "'") + valid_utf8(value.substr(begin, end - begin)) +
         (end < value.size() ? "...'" : "'");
}

size_t first_difference(const std::string& a, const std::string& b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

bool has_card(const Checkpoint& checkpoint) {
  return std::ranges::any_of(checkpoint.metadata, [](const auto& field) { return field.first.starts_with(kCard); });
}

// A file has one card, so that no title stands above another model's author.
std::optional<size_t> card_input(std::span<const Checkpoint> checkpoints, size_t primary) {
  if (primary < checkpoints.size() && has_card(checkpoints[primary])) return primary;
  for (size_t k = 0; k < checkpoints.size(); ++k)
    if (has_card(checkpoints[k])) return k;
  return std::nullopt;
}

// A VAE that is baked in gives no fields: A1111 does not look at them.
std::span<const Checkpoint> givers(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  return checkpoints.first(checkpoints.size() - recipe.bake_vae);
}

void warn_of(std::vector<std::string>& warnings, std::string_view key, std::span<const Checkpoint> checkpoints,
             const Checkpoint& kept) {
  const std::string* const value = find_field(kept, key);
  for (const Checkpoint& checkpoint : checkpoints) {
    const std::string* const other = find_field(checkpoint, key);
    if (&checkpoint == &kept || !other) continue;
    if (!value && is_one_of(kConfiguration, key))
      warnings.push_back(sentence("metadata: ", key, " of ", checkpoint.path, " is left out, ", quoted(*other), ": ",
                                  kept.path, " has none"));
    else if (value && *other != *value)
      warnings.push_back(sentence("metadata: ", key, " is ", quoted(*value, first_difference(*value, *other)), " in ",
                                  kept.path, " and ", quoted(*other, first_difference(*value, *other)), " in ",
                                  checkpoint.path, "; the first is kept"));
  }
}

}  // namespace

size_t primary_input(const Recipe& recipe) {
  const auto unet = std::ranges::find(recipe.roles, "unet");
  return unet == recipe.roles.end() ? 0 : static_cast<size_t>(unet - recipe.roles.begin());
}

const std::string* find_field(const Checkpoint& checkpoint, std::string_view key) {
  const auto found = std::ranges::find(checkpoint.metadata, key, &Metadata::value_type::first);
  return found == checkpoint.metadata.end() ? nullptr : &found->second;
}

std::span<const std::string_view> configuration_keys() { return kConfiguration; }

std::map<std::string, std::string> inherited_fields(const Recipe& recipe, std::span<const Checkpoint> checkpoints,
                                                    bool (*is_left_out)(std::string_view key)) {
  std::map<std::string, std::string> fields;
  const bool last = recipe.metadata == MetadataPolicy::last;
  if (recipe.metadata != MetadataPolicy::keep && !last) return fields;
  checkpoints = givers(recipe, checkpoints);
  const size_t primary = primary_input(recipe);
  const std::optional<size_t> card = card_input(checkpoints, primary);
  const auto take = [&](size_t k) {
    for (const auto& [key, value] : checkpoints[k].metadata) {
      if (is_left_out(key) || (k != primary && is_primarys_alone(key))) continue;
      if (!last && key.starts_with(kCard) && k != card) continue;
      if (last && !is_primarys_alone(key))
        fields[key] = value;
      else
        fields.emplace(key, value);
    }
  };
  if (!last && primary < checkpoints.size()) take(primary);
  for (size_t k = 0; k < checkpoints.size(); ++k) take(k);
  return fields;
}

std::vector<std::string> inheritance_warnings(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> warnings;
  checkpoints = givers(recipe, checkpoints);
  const size_t primary = primary_input(recipe);
  if (recipe.metadata != MetadataPolicy::keep || primary >= checkpoints.size()) return warnings;
  for (const std::string_view key : kActedOn) warn_of(warnings, key, checkpoints, checkpoints[primary]);
  return warnings;
}

}  // namespace ckmerge
