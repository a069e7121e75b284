// SPDX-License-Identifier: Apache-2.0
// `ckmerge.recipe`, read (docs/format.md).
#include <algorithm>
#include <charconv>
#include <cmath>
#include <type_traits>

#include "core/recipe/provenance.h"
#include "core/recipe/recipe_members.h"
#include "core/recipe/recipe_rule_json.h"
#include "core/recipe/weight_rule_json.h"
#include "io/hash/sha256.h"
#include "io/text/error.h"
#include "io/text/json_value.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Kind = JsonValue::Kind;
using Parameters = decltype(Recipe::parameters);

// Command lines of 2 MB, the system's limit, fit in whatever they consist of.
constexpr JsonLimits kLimits{.size = size_t{16} << 20, .depth = 8, .values = size_t{1} << 18, .unique_keys = true};

template <typename... Parts>
[[noreturn]] void fail(std::string_view member, const Parts&... parts) {
  throw Error(ErrorCode::malformed, std::string(member), sentence("'", member, "' ", parts...));
}

void expect(std::string_view member, const JsonValue& value, Kind kind, std::string_view what) {
  if (value.kind != kind) fail(member, "is not ", what);
}

void read_value(std::string_view member, const JsonValue& value, std::string& out) {
  expect(member, value, Kind::string, "a string");
  out = value.text;
}

void read_value(std::string_view member, const JsonValue& value, bool& out) {
  expect(member, value, Kind::boolean, "true or false");
  out = value.boolean;
}

void read_value(std::string_view member, const JsonValue& value, double& out) {
  expect(member, value, Kind::number, "a number");
  const char* const end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, out);
  if (error != std::errc() || stop != end || !std::isfinite(out)) fail(member, "is not a number within 64 bits");
}

void read_value(std::string_view member, const JsonValue& value, std::optional<uint64_t>& out) {
  uint64_t number = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, number);
  if (value.kind != Kind::number || error != std::errc() || stop != end || number > kMostSeed)
    fail(member, "is not a whole number from 0 to 2^53 - 1");
  out = number;
}

template <typename Policy>
requires std::is_enum_v<Policy>
void read_value(std::string_view member, const JsonValue& value, Policy& out) {
  expect(member, value, Kind::string, "a string");
  const auto names = policy_names<Policy>();
  const auto found = std::ranges::find(names, value.text);
  if (found == names.end()) fail(member, "has a value that this ckmerge does not know");
  out = static_cast<Policy>(found - names.begin());
}

void read_value(std::string_view member, const JsonValue& value, std::optional<Dtype>& out) {
  expect(member, value, Kind::string, "a string");
  if (value.text == dtype_text({})) return out.reset();
  const auto named = [&](const DtypeInfo& row) { return is_real(row.dtype) && dtype_text(row.dtype) == value.text; };
  const auto found = std::ranges::find_if(kDtypes, named);
  if (found == std::end(kDtypes)) fail(member, "has a value that this ckmerge does not know");
  out = found->dtype;
}

void read_value(std::string_view member, const JsonValue& value, std::vector<std::string>& out) {
  expect(member, value, Kind::array, "an array of strings");
  for (const JsonValue& item : value.items) read_value(member, item, out.emplace_back());
}

void read_value(std::string_view member, const JsonValue& value, std::vector<double>& out) {
  if (value.kind != Kind::array) return read_value(member, value, out.emplace_back());
  for (const JsonValue& item : value.items) read_value(member, item, out.emplace_back());
}

void read_value(std::string_view member, const JsonValue& value, Parameters& out) {
  expect(member, value, Kind::object, "an object");
  for (size_t i = 0; i < value.items.size(); ++i)
    read_value(valid_utf8(value.keys[i].substr(0, 100)), value.items[i], out[value.keys[i]]);
}

void read_value(std::string_view member, const JsonValue& value, Metadata& out) {
  expect(member, value, Kind::object, "an object");
  for (size_t i = 0; i < value.items.size(); ++i)
    read_value(member, value.items[i], out.emplace_back(value.keys[i], "").second);
}

void read_value(std::string_view member, const JsonValue& value, PartDtypes& out) {
  expect(member, value, Kind::object, "an object");
  for (size_t i = 0; i < value.items.size(); ++i) {
    const auto part = std::ranges::find(kPartNames, value.keys[i]);
    if (part == kPartNames.end()) fail(member, "has a part that this ckmerge does not know");
    read_value(member, value.items[i], out[static_cast<size_t>(part - kPartNames.begin())].emplace().dtype);
  }
}

void read_value(std::string_view member, const JsonValue& value, std::vector<WeightRule>& out) {
  expect(member, value, Kind::array, "an array");
  for (const JsonValue& item : value.items) out.push_back(parse_weight_rule(item));
}

void read_value(std::string_view member, const JsonValue& value, std::vector<RecipeRule>& out) {
  expect(member, value, Kind::array, "an array");
  for (const JsonValue& item : value.items) out.push_back(parse_recipe_rule(item));
}

uint32_t layer_of(std::string_view member, const JsonValue& value) {
  uint32_t number = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto [stop, fault] = std::from_chars(value.text.data(), end, number);
  if (value.kind != Kind::number || fault != std::errc() || stop != end)
    fail(member, "has a slice with a number that is no whole one from 0");
  return number;
}

Slice slice_of(std::string_view member, const JsonValue& value) {
  if (value.kind != Kind::object) fail(member, "has a slice that is no object");
  Slice slice;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const std::string& key = value.keys[i];
    const JsonValue& item = value.items[i];
    if (key == "input") {
      slice.input = layer_of(member, item);
    } else if (key == "layers") {
      if (item.kind != Kind::array || item.items.size() != 2)
        fail(member, "has a slice of which 'layers' is not [FROM, TO]");
      slice.begin = layer_of(member, item.items[0]);
      slice.end = layer_of(member, item.items[1]);
    } else if (key == "run") {
      read_value(member, item, slice.run);
    } else {
      fail(member, "has a slice with '", valid_utf8(key.substr(0, 100)),
           "', which is unknown; a newer ckmerge may know it");
    }
  }
  if (slice.begin > slice.end) fail(member, "has a slice that ends before it begins");
  return slice;
}

// They take the places of the first inputs.
void check_operands(std::span<const Slices> operands, size_t inputs) {
  constexpr std::string_view kOperands = "operands";
  if (operands.size() > inputs) fail(kOperands, "are more than there are inputs");
  for (const Slices& operand : operands) {
    if (operand.empty()) fail(kOperands, "has an operand without slices");
    if (std::ranges::any_of(operand, [&](const Slice& slice) { return slice.input >= inputs; }))
      fail(kOperands, "has a slice of an input that there is not");
  }
}

void read_value(std::string_view member, const JsonValue& value, std::vector<Slices>& out) {
  expect(member, value, Kind::array, "an array");
  for (const JsonValue& operand : value.items) {
    expect(member, operand, Kind::array, "an array of arrays");
    Slices& slices = out.emplace_back();
    for (const JsonValue& slice : operand.items) slices.push_back(slice_of(member, slice));
  }
}

AdapterStrength adapter_strength(std::string_view member, const JsonValue& value) {
  if (value.kind != Kind::object || value.keys != std::vector<std::string>{"select", "strength"})
    fail(member, "has a strength that is not {select, strength}");
  AdapterStrength rule;
  read_value(member, value.items[0], rule.selector);
  read_value(member, value.items[1], rule.value);
  return rule;
}

void read_value(std::string_view member, const JsonValue& value, std::vector<AdapterUse>& out) {
  expect(member, value, Kind::array, "an array");
  for (const JsonValue& item : value.items) {
    const bool has_rules = item.keys == std::vector<std::string>{"strength", "rules"};
    if (item.kind != Kind::object || (!has_rules && item.keys != std::vector<std::string>{"strength"}))
      fail(member, "has an adapter that is not {strength, rules}");
    AdapterUse& adapter = out.emplace_back();
    read_value(member, item.items[0], adapter.strength);
    if (!has_rules) continue;
    expect(member, item.items[1], Kind::array, "an array");
    for (const JsonValue& rule : item.items[1].items) adapter.rules.push_back(adapter_strength(member, rule));
  }
}

void read_value(std::string_view /*member*/, const JsonValue& value, std::optional<VocabularyRequest>& out) {
  out = parse_vocabulary_request(value);
}

void read_value(std::string_view member, const JsonValue& value, std::optional<Formula>& out) {
  const std::vector<std::string> members{std::string(kFormulaText), std::string(kFormulaNames)};
  if (value.kind != Kind::object || value.keys != members) fail(member, "is not {text, names}");
  out.emplace();
  read_value(member, value.items[0], out->text);
  read_value(member, value.items[1], out->names);
}

// A name is compared with files' names and may become part of one, so it must not lead anywhere.
void read_input(const JsonValue& input, RecordedRecipe& out) {
  std::vector<std::string> members{"name", "sha256"};
  const bool has_key = std::ranges::find(input.keys, kInputKey) != input.keys.end();
  const bool has_equated = std::ranges::find(input.keys, kInputEquated) != input.keys.end();
  if (has_key) members.emplace_back(kInputKey);
  if (has_equated) members.emplace_back(kInputEquated);
  if (input.kind != Kind::object || input.keys != members) fail(kInputs, "is not an array of {name, sha256}");
  std::string& name = out.recipe.input_names.emplace_back();
  std::string& sha256 = out.sha256.emplace_back();
  read_value(kInputs, input.items[0], name);
  if (name.empty() || name.find_first_of(std::string_view("/\0", 2)) != std::string::npos)
    fail(kInputs, "has a name that is no file's name");
  std::string& key = out.recipe.input_keys.emplace_back();
  if (has_key) read_value(kInputs, input.items[2], key);
  std::vector<std::string>& equated = out.equated.emplace_back();
  if (has_equated) read_value(kInputs, input.items.back(), equated);
  if (input.items[1].kind == Kind::null) return;
  read_value(kInputs, input.items[1], sha256);
  if (!is_sha256(sha256)) fail(kInputs, "has a sha256 that is not 64 hex digits");
}

const JsonValue& member_of(const JsonValue& object, std::string_view member) {
  const auto found = std::ranges::find(object.keys, member);
  if (found == object.keys.end()) fail(member, "is missing");
  return object.items[static_cast<size_t>(found - object.keys.begin())];
}

int version_of(const JsonValue& root) {
  if (std::ranges::find(root.keys, kVersion) == root.keys.end()) return 1;
  double version = 0;
  read_value(kVersion, member_of(root, kVersion), version);
  if (version != 1 && version != kRecipeVersion && version != kGraphRecipeVersion)
    fail(kVersion, "is not one that this ckmerge knows; a newer one may");
  return static_cast<int>(version);
}

void expect_members_fit(const RecordedRecipe& recorded) {
  const Recipe& recipe = recorded.recipe;
  if (!recipe.weights.empty() && recorded.version < kGraphRecipeVersion)
    fail("weights", "is of a later version than the text");
  if (!recipe.rules.empty() && recorded.version < kGraphRecipeVersion)
    fail("rules", "is of a later version than the text");
  if (!recipe.operands.empty() && recorded.version < kGraphRecipeVersion)
    fail("operands", "is of a later version than the text");
  if (recipe.formula && recorded.version < kGraphRecipeVersion)
    fail(kFormula, "is not known to recipes of version ", recorded.version);
  if (recipe.formula && recipe.method != kFormulaMethod) fail(kFormula, "stands beside a method");
}

}  // namespace

RecordedRecipe parse_recipe(std::string_view json) {
  const JsonValue root = parse_json(json, kLimits);
  if (root.kind != Kind::object) throw Error(ErrorCode::malformed, "", "it is not an object");
  RecordedRecipe out{.version = version_of(root), .recipe = {}, .sha256 = {}, .equated = {}};
  std::vector<std::string> known{std::string(kInputs), std::string(kVersion)};
  for_each_member(out.recipe, [&](std::string_view member, auto& value) {
    known.emplace_back(member);
    value = {};
    read_value(member, member_of(root, member), value);
  });
  for_each_optional_member(out.recipe, [&](std::string_view member, auto& value) {
    known.emplace_back(member);
    const auto found = std::ranges::find(root.keys, member);
    if (found != root.keys.end()) read_value(member, root.items[static_cast<size_t>(found - root.keys.begin())], value);
  });
  expect_members_fit(out);
  const JsonValue& inputs = member_of(root, kInputs);
  expect(kInputs, inputs, Kind::array, "an array");
  for (const JsonValue& input : inputs.items) read_input(input, out);
  if (std::ranges::all_of(out.recipe.input_keys, &std::string::empty)) out.recipe.input_keys.clear();
  check_operands(out.recipe.operands, out.sha256.size());
  if (out.recipe.adapters.size() + out.recipe.bake_vae >= std::max<size_t>(out.sha256.size(), 1) &&
      !out.recipe.adapters.empty())
    fail(kAdapters, "are as many as all inputs");
  for (const std::string& key : root.keys)
    if (std::ranges::find(known, key) == known.end())
      fail(valid_utf8(key.substr(0, 100)), "is unknown; a newer ckmerge may know it");
  return out;
}

}  // namespace ckmerge
