// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/inherited_metadata.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/names/part.h"
#include "io/text/error.h"
#include "io/text/json_value.h"
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

// What of the fields above is said of a component that is no unet; the rest is of how the unet is used.
constexpr std::string_view kOfComponents[] = {"config", "model_version", "license", "licence", "modelspec.license"};

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

// A VAE that is baked in gives no fields: A1111 does not look at them. Adapters' are of adapters.
std::span<const Checkpoint> givers(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  return checkpoints.first(first_adapter(recipe, checkpoints.size()) - recipe.bake_vae);
}

// Objects in the order of their keys.
void append_sorted(std::string& out, const JsonValue& value) {
  using enum JsonValue::Kind;
  out += std::to_string(static_cast<int>(value.kind)) + ":" + std::to_string(value.text.size()) + value.text;
  if (value.kind == boolean) out += value.boolean ? '1' : '0';
  std::vector<size_t> order(value.items.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (value.kind == object) std::ranges::sort(order, {}, [&](size_t i) -> std::string_view { return value.keys[i]; });
  for (const size_t i : order) {
    if (value.kind == object) out += std::to_string(value.keys[i].size()) + "'" + value.keys[i];
    append_sorted(out, value.items[i]);
  }
  out += ';';
}

// Of two that differ as texts; what is no JSON is itself.
std::string sorted_text(const std::string& text) {
  try {
    std::string sorted;
    append_sorted(sorted, parse_json(text));
    return sorted;
  } catch (const Error&) {
    return text;
  }
}

// With MetadataPolicy::last the last input that has a field gives it.
const Checkpoint& giver_of(const Recipe& recipe, std::string_view key, std::span<const Checkpoint> checkpoints) {
  const Checkpoint* giver = &checkpoints[primary_input(recipe)];
  if (recipe.metadata == MetadataPolicy::last && !is_primarys_alone(key))
    for (const Checkpoint& checkpoint : givers(recipe, checkpoints))
      if (find_field(checkpoint, key)) giver = &checkpoint;
  return *giver;
}

bool matters(const Recipe& recipe, std::string_view key, size_t k) {
  if (is_set(recipe, key) || (is_one_of(kPrediction, key) && !may_predict(recipe))) return false;
  return recipe.roles.empty() || k == primary_input(recipe) || is_one_of(kOfComponents, key);
}

void warn_of(std::vector<std::string>& warnings, const Recipe& recipe, std::string_view key,
             std::span<const Checkpoint> checkpoints) {
  const Checkpoint& kept = giver_of(recipe, key, checkpoints);
  const std::string* const value = find_field(kept, key);
  for (size_t k = 0; k < checkpoints.size(); ++k) {
    const Checkpoint& checkpoint = checkpoints[k];
    // A VAE that is baked in gives no fields, but may need those by which it is read.
    const bool is_baked = recipe.bake_vae && k == vae_input(recipe, checkpoints.size());
    if (is_baked && (value || !is_one_of(kConfiguration, key))) continue;
    const std::string* const other = find_field(checkpoint, key);
    if (&checkpoint == &kept || !other || !matters(recipe, key, k)) continue;
    if (!value && is_one_of(kConfiguration, key))
      warnings.push_back(sentence("metadata: ", key, " of ", checkpoint.path, " is left out, ", quoted(*other), ": ",
                                  kept.path, " has none"));
    else if (value && !say_the_same(*other, *value))
      warnings.push_back(sentence("metadata: ", key, " is ", quoted(*value, first_difference(*value, *other)), " in ",
                                  kept.path, " and ", quoted(*other, first_difference(*value, *other)), " in ",
                                  checkpoint.path, "; that of ", kept.path, " is kept"));
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

bool say_the_same(const std::string& a, const std::string& b) { return a == b || sorted_text(a) == sorted_text(b); }

bool may_predict(const Recipe& recipe) {
  return recipe.parts.empty() ||
         std::ranges::find(recipe.parts, kPartNames[static_cast<size_t>(Part::unet)]) != recipe.parts.end();
}

bool is_set(const Recipe& recipe, std::string_view key) {
  return std::ranges::any_of(recipe.set_metadata, [&](const auto& field) { return field.first == key; });
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
      if (is_one_of(kPrediction, key) && !may_predict(recipe)) continue;
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
  const bool keeps = recipe.metadata == MetadataPolicy::keep || recipe.metadata == MetadataPolicy::last;
  if (!keeps || primary_input(recipe) >= checkpoints.size()) return warnings;
  for (const std::string_view key : kActedOn) warn_of(warnings, recipe, key, checkpoints);
  return warnings;
}

}  // namespace ckmerge
