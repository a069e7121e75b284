// SPDX-License-Identifier: Apache-2.0
// `ckmerge.recipe`, written (docs/format.md). Whoever plans a merge fills in the defaults of its method before, so that
// what was typed or not makes no difference (core/recipe/method_defaults.h).
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <type_traits>

#include "core/recipe/provenance.h"
#include "core/recipe/recipe_members.h"
#include "core/recipe/recipe_rule_json.h"
#include "core/recipe/weight_rule_json.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Parameters = decltype(Recipe::parameters);

// `append(item)` for each, with commas between them.
void append_list(std::string& out, std::string_view brackets, const auto& items, const auto& append) {
  out += brackets[0];
  for (bool first = true; const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append(item);
  }
  out += brackets[1];
}

void append_value(std::string& out, const std::string& text) { append_json_string(out, valid_utf8(text)); }
void append_value(std::string& out, bool value) { out += value ? "true" : "false"; }

template <typename Policy>
requires std::is_enum_v<Policy>
void append_value(std::string& out, Policy policy) { append_json_string(out, name(policy)); }

void append_value(std::string& out, double number) {
  std::array<char, 32> digits;
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out += std::isfinite(number) ? std::string_view(digits.data(), end) : "null";  // no plan is made of NaN
}

void append_value(std::string& out, const std::vector<std::string>& texts) {
  append_list(out, "[]", texts, [&](const std::string& text) { append_value(out, text); });
}

// One number stands alone: alpha, a flag, the weight of an only checkpoint.
void append_value(std::string& out, const std::vector<double>& numbers) {
  if (numbers.size() == 1) return append_value(out, numbers[0]);
  append_list(out, "[]", numbers, [&](double number) { append_value(out, number); });
}

template <typename Fields>
requires std::is_same_v<Fields, Parameters> || std::is_same_v<Fields, Metadata>
void append_value(std::string& out, const Fields& fields) {
  append_list(out, "{}", fields, [&](const auto& field) {
    append_value(out, field.first);
    out += ':';
    append_value(out, field.second);
  });
}

void append_value(std::string& out, const std::vector<WeightRule>& rules) {
  append_list(out, "[]", rules, [&](const WeightRule& rule) { append_json(out, rule); });
}

void append_value(std::string& out, const std::vector<RecipeRule>& rules) {
  append_list(out, "[]", rules, [&](const RecipeRule& rule) { append_json(out, rule); });
}

void append_slice(std::string& out, const Slice& slice) {
  out += sentence("{\"input\":", slice.input, ",\"layers\":[", slice.begin, ",", slice.end, "]");
  if (!slice.run.empty()) {
    out += ",\"run\":";
    append_json_string(out, valid_utf8(slice.run));
  }
  out += '}';
}

void append_value(std::string& out, const std::vector<Slices>& operands) {
  append_list(out, "[]", operands, [&](const Slices& operand) {
    append_list(out, "[]", operand, [&](const Slice& slice) { append_slice(out, slice); });
  });
}

// {"strength":0.8,"rules":[{"select":"te","strength":0.2}]}
void append_value(std::string& out, const std::vector<AdapterUse>& adapters) {
  append_list(out, "[]", adapters, [&](const AdapterUse& adapter) {
    out += sentence("{\"", kAdapterStrength, "\":");
    append_value(out, adapter.strength);
    if (!adapter.rules.empty()) {
      out += sentence(",\"", kAdapterRules, "\":");
      append_list(out, "[]", adapter.rules, [&](const AdapterStrength& rule) {
        out += sentence("{\"", kAdapterSelect, "\":");
        append_value(out, rule.selector);
        out += sentence(",\"", kAdapterStrength, "\":");
        append_value(out, rule.value);
        out += '}';
      });
    }
    out += '}';
  });
}

void append_value(std::string& out, const std::optional<VocabularyRequest>& vocabulary) {
  append_json(out, *vocabulary);
}

void append_value(std::string& out, const std::optional<uint64_t>& number) { out += std::to_string(*number); }

void append_value(std::string& out, const std::optional<Dtype>& dtype) { append_value(out, dtype_text(dtype)); }

// {"vae":"f32"}: of the parts of which something is said.
void append_value(std::string& out, const PartDtypes& dtypes) {
  std::map<std::string, std::string> texts;
  for (size_t i = 0; i < kPartCount; ++i)
    if (dtypes[i]) texts[kPartNames[i]] = dtype_text(dtypes[i]->dtype);
  append_value(out, Metadata(texts.begin(), texts.end()));
}

void append_value(std::string& out, const std::optional<Formula>& formula) {
  out += sentence("{\"", kFormulaText, "\":");
  append_value(out, formula->text);
  out += sentence(",\"", kFormulaNames, "\":");
  append_value(out, formula->names);
  out += '}';
}

struct RecordedInput {
  const std::string& name;
  std::string_view sha256, key;
  std::span<const std::string> equated;
};

// Where no key was given, and nothing equated, there are none: older readers of recipes know no other inputs.
void append_input(std::string& out, const RecordedInput& input) {
  out += "{\"name\":";
  append_value(out, input.name);
  out += ",\"sha256\":";
  input.sha256.empty() ? static_cast<void>(out += "null") : append_value(out, std::string(input.sha256));
  if (!input.key.empty()) {
    out += sentence(",\"", kInputKey, "\":");
    append_value(out, std::string(input.key));
  }
  if (!input.equated.empty()) {
    out += sentence(",\"", kInputEquated, "\":");
    append_value(out, std::vector<std::string>(input.equated.begin(), input.equated.end()));
  }
  out += '}';
}

int version_of(const Recipe& recipe) {
  const bool is_graph = recipe.formula || !recipe.weights.empty() || !recipe.rules.empty() || !recipe.operands.empty();
  return is_graph ? kGraphRecipeVersion : kRecipeVersion;
}

}  // namespace

std::string recipe_text(const Recipe& recipe, std::span<const std::string> names, std::span<const InputHash> hashes,
                        std::span<const std::vector<std::string>> equated) {
  std::string out = sentence("{\"", kVersion, "\":", version_of(recipe), ",");
  for_each_member(recipe, [&](std::string_view member, const auto& value) {
    append_json_string(out, member);
    out += ':';
    append_value(out, value);
    out += ',';
  });
  for_each_optional_member(recipe, [&](std::string_view member, const auto& value) {
    if (value == std::remove_cvref_t<decltype(value)>()) return;
    append_json_string(out, member);
    out += ':';
    append_value(out, value);
    out += ',';
  });
  append_json_string(out, kInputs);
  out += ':';
  size_t k = 0;
  append_list(out, "[]", names, [&](const std::string& name) {
    append_input(out, {.name = name,
                       .sha256 = k < hashes.size() ? std::string_view(hashes[k].sha256) : "",
                       .key = k < recipe.input_keys.size() ? std::string_view(recipe.input_keys[k]) : "",
                       .equated = k < equated.size() ? std::span(equated[k]) : std::span<const std::string>()});
    ++k;
  });
  return out + "}";
}

}  // namespace ckmerge
