// SPDX-License-Identifier: Apache-2.0
#include "cli/recipes/recipe_rules.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "cli/options/numbers.h"
#include "cli/options/recipe_options.h"
#include "cli/system/text.h"
#include "core/blocks/block_selector.h"
#include "core/formula/adapter_names.h"
#include "core/formula/defined_numbers.h"
#include "core/formula/recipe_graph.h"
#include "io/text/error.h"
#include "kernels/method.h"

namespace ckmerge::cli {
namespace {

using Kind = YamlValue::Kind;

constexpr std::string_view kList = "mbw";  // in the place of a selector: one number per block

// What both have in common: a value of a file, and how its faults are told.
class Section {
 public:
  Section(const std::string& of_path, Recipe& of_recipe) : path(of_path), recipe(of_recipe) {}

 protected:
  [[noreturn]] void refuse(const YamlValue& place, const std::string& sentence) const {
    refuse_at(path, place, sentence);
  }

  std::string text_of_place(const YamlValue& place) const {
    return path + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  }

  std::string scalar(const YamlValue& value, const char* sentence) const {
    if (value.kind != Kind::scalar || value.text.empty()) refuse(value, sentence);
    return value.text;
  }

  // What `call` finds wrong is so at `place`.
  template <typename Call>
  auto located(const YamlValue& place, const Call& call) const {
    try {
      return call();
    } catch (const Error& error) {
      refuse(place, error.what());
    }
  }

  void check_selector(const YamlValue& place, const std::string& selector) const {
    located(place, [&] { ckmerge::check_selector(selector, "match"); });
  }

  const std::string& path;
  Recipe& recipe;
};

class Rules : Section {
 public:
  using Section::Section;

  Places read(const YamlValue& rules) const {
    if (rules.kind == Kind::null) return {};
    if (rules.kind != Kind::list) refuse(rules, "'rules' is a list, each entry with 'match' and what is done");
    for (const YamlValue& rule : rules.items) recipe.rules.push_back(rule_of(rule));
    Places places;
    const std::vector<std::string> labels = labels_of(recipe.rules);
    for (size_t i = 0; i < labels.size(); ++i)
      places.emplace_back(labels[i], text_of_place(*rules.items[i].find("match")));
    return places;
  }

 private:
  RecipeRule rule_of(const YamlValue& value) const {
    static const std::vector<std::string> known{"match", "formula", "copy", "drop", "dtype"};
    if (value.kind != Kind::map) refuse(value, "a rule is a map, as in {match: OUT*, formula: A + 0.3*(B - C)}");
    for (const YamlValue& key : value.keys)
      if (std::ranges::find(known, key.text) == known.end()) {
        const std::string near = did_you_mean(key.text, known);
        refuse(key, "'" + key.text + "' is unknown" + (near.empty() ? "; a rule has " + joined(known, ", ") : near));
      }
    RecipeRule rule{.match = selectors(value)};
    if (const YamlValue* formula = value.find("formula")) rule.formula = scalar(*formula, "'formula' is a formula");
    if (const YamlValue* copied = value.find("copy")) {
      if (!rule.formula.empty()) refuse(*copied, "a rule has either 'formula' or 'copy'");
      rule.copy = scalar(*copied, "'copy' is the name of a checkpoint");
      if (std::ranges::find(recipe.formula->names, rule.copy) == recipe.formula->names.end())
        refuse(*copied, "no checkpoint is called '" + rule.copy + "'; they are " + joined(recipe.formula->names, ", "));
    }
    if (const YamlValue* drop = value.find("drop")) {
      if (recipe_flag(drop->text) != "true" || drop->kind != Kind::scalar)
        refuse(*drop, "'drop' is true, or is left away");
      if (value.keys.size() > 2) refuse(*drop, "a rule that drops its tensors says no more of them");
      rule.drop = true;
    }
    if (const YamlValue* dtype = value.find("dtype")) {
      rule.dtype = scalar(*dtype, "'dtype' is keep, f64, f32, f16, bf16, f8_e4m3 or f8_e5m2");
      if (rule.dtype != "keep") located(*dtype, [&] { return parse_dtype(rule.dtype); });
    }
    if (!rule.says_what_is_computed() && rule.dtype.empty())
      refuse(value, "this rule says nothing of its tensors; give it a formula, copy, drop or dtype");
    return rule;
  }

  std::vector<std::string> selectors(const YamlValue& rule) const {
    constexpr const char* kWanted = "'match' is a block such as OUT*, a pattern such as /attn2/, or a list of them";
    const YamlValue* const match = rule.find("match");
    if (!match) refuse(rule, "'match' is missing: which tensors is the rule for?");
    std::vector<std::string> selectors;
    const std::span<const YamlValue> items =
        match->kind == Kind::list ? std::span<const YamlValue>(match->items) : std::span(match, 1);
    for (const YamlValue& item : items) {
      selectors.push_back(scalar(item, kWanted));
      check_selector(item, selectors.back());
    }
    if (selectors.empty()) refuse(*match, kWanted);
    return selectors;
  }
};

class Weights : Section {
 public:
  using Section::Section;

  Places read(const YamlValue& weights) {
    if (weights.kind == Kind::null) return {};
    constexpr const char* kWanted =
        "'weights' are numbers and what they are for some tensors, as in r: {IN00..IN08: 0.2}";
    const std::span<const YamlValue> maps =
        weights.kind == Kind::list ? std::span<const YamlValue>(weights.items) : std::span(&weights, 1);
    std::set<std::string> weighted;
    for (const YamlValue& map : maps) {
      if (map.kind != Kind::map) refuse(map, kWanted);
      for (const YamlValue& key : map.keys) weighted.insert(key.text);
    }
    numbers_.emplace(std::move(weighted));
    for (const YamlValue& map : maps) {
      for (size_t i = 0; i < map.keys.size(); ++i) {
        if (map.items[i].kind != Kind::map) refuse(map.items[i], kWanted);
        add(map.keys[i], map.items[i]);
      }
    }
    numbers_->drop_unused(*recipe.formula, recipe.rules);
    if (!of_method_.empty()) {
      const MethodSpec* const spec = only_method();
      for (const auto& [index, place] : of_method_) set_parameter(spec, *place, recipe.weights[index]);
    }
    Places places;
    for (size_t i = 0; i < selectors_.size(); ++i)
      places.emplace_back("weight '" + text_of(recipe.weights[i]) + "'", text_of_place(*selectors_[i]));
    return places;
  }

 private:
  void add(const YamlValue& parameter, const YamlValue& selectors) {
    const bool named = take_number(parameter);
    for (size_t i = 0; i < selectors.keys.size(); ++i) {
      if (!named) of_method_.emplace_back(recipe.weights.size(), &parameter);
      WeightRule rule = selected(selectors.keys[i]);
      rule.parameter = parameter.text;
      rule.values = numbers(selectors.items[i]);
      recipe.weights.push_back(std::move(rule));
      selectors_.push_back(&selectors.keys[i]);
    }
  }

  // A number of 'let', which stays a name from now on.
  bool take_number(const YamlValue& parameter) {
    if (recipe.parameters.contains(parameter.text)) return true;
    const auto is_it = [&](const auto& name) { return name.first == parameter.text; };
    if (std::ranges::none_of(recipe.formula->defined, is_it)) return false;
    recipe.parameters[parameter.text] = {
        located(parameter, [&] { return numbers_->take(*recipe.formula, parameter.text); })};
    return true;
  }

  WeightRule selected(const YamlValue& key) const {
    const std::string& text = key.text;
    if (text == kList) return {.by = WeightRule::By::list};
    const size_t colon = text.find(':');
    if (text.empty() || text[0] == '/' || colon == text.npos) {
      if (text.empty()) refuse(key, "what this selects is missing");
      check_selector(key, text);
      return {.selector = text};
    }
    if (text.find(':', colon + 1) != text.npos) refuse(key, "'" + text + "' is neither a selector nor BLOCKS:ELEMENTS");
    return {.by = WeightRule::By::elements, .selector = text.substr(0, colon), .elements = text.substr(colon + 1)};
  }

  std::vector<double> numbers(const YamlValue& value) const {
    constexpr const char* kWanted = "a weight is a number, or a list of them";
    const auto number = [&](const YamlValue& item) {
      const std::string text = scalar(item, kWanted);
      return located(item, [&] { return parse_number("a weight", text); });
    };
    if (value.kind != Kind::list) return {number(value)};
    std::vector<double> all;
    for (const YamlValue& item : value.items) all.push_back(number(item));
    if (all.empty()) refuse(value, kWanted);
    return all;
  }

  // Null where the formula is more than the call of one.
  const MethodSpec* only_method() const {
    Recipe plain = recipe;
    plain.weights.clear();
    plain.bake_vae = false;
    plain.adapters.resize(adapter_names(*plain.formula, plain.rules).size());
    const Recipe canonical = canonical_recipe(plain, plain.formula->names.size());
    return canonical.formula ? nullptr : find_method(canonical.method)->spec;
  }

  void set_parameter(const MethodSpec* spec, const YamlValue& place, WeightRule& rule) const {
    if (!spec)
      refuse(place, "no number of 'let' is called '" + place.text +
                        "'; give it there for all other tensors, and write it into the formula");
    const bool is_letter = place.text.size() == 1 && place.text[0] >= 'A' && place.text[0] <= 'Z';
    std::vector<std::string> known;
    for (const ParameterSpec& parameter : spec->parameter_list()) {
      if (parameter.kind == ParameterKind::flag) continue;
      const bool per_checkpoint = parameter.kind == ParameterKind::numbers;
      known.emplace_back(per_checkpoint ? "A, B, ... (the weight of that checkpoint)" : parameter.name);
      if (per_checkpoint ? !is_letter : !parameter.is_called(place.text)) continue;
      rule.parameter = parameter.name;
      if (per_checkpoint) rule.input = place.text[0] - 'A';
      return;
    }
    refuse(place, std::string(spec->name) + " has no number '" + place.text + "', and 'let' has none" +
                      (known.empty() ? "" : "; it has " + joined(known, ", ")));
  }

  std::optional<DefinedNumbers> numbers_;
  std::vector<const YamlValue*> selectors_;                     // of each weight
  std::vector<std::pair<size_t, const YamlValue*>> of_method_;  // weights of parameters that 'let' does not have
};

}  // namespace

Places read_rules(const YamlValue& rules, const std::string& path, Recipe& recipe) {
  return Rules(path, recipe).read(rules);
}

Places read_weights(const YamlValue& weights, const std::string& path, Recipe& recipe) {
  return Weights(path, recipe).read(weights);
}

std::string placed(const std::string& sentence, const Places& places) {
  constexpr std::string_view kArticle = "the ";
  std::string_view told = sentence;
  if (told.starts_with(kArticle)) told.remove_prefix(kArticle.size());
  for (const auto& [text, place] : places)
    if (told.starts_with(text)) return place + ": " + sentence;
  return sentence;
}

Error placed(const Error& error, const Places& places) {
  std::vector<std::string> details = error.details();
  for (std::string& detail : details) detail = placed(detail, places);
  return {error.code(), error.where(), placed(std::string(error.what()), places), std::move(details)};
}

}  // namespace ckmerge::cli
