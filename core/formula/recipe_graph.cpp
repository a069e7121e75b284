// SPDX-License-Identifier: Apache-2.0
#include "core/formula/recipe_graph.h"

#include <algorithm>
#include <utility>

#include "core/formula/adapter_names.h"
#include "core/formula/read_formula.h"
#include "core/recipe/weighted_graph.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

bool has_weights(const Recipe& recipe, const std::string& parameter) {
  return std::ranges::find(recipe.weights, parameter, &WeightRule::parameter) != recipe.weights.end();
}

void check_rules(const Recipe& recipe) {
  const std::vector<std::string> labels = labels_of(recipe.rules);
  for (size_t i = 0; i < recipe.rules.size(); ++i) {
    const RecipeRule& rule = recipe.rules[i];
    const std::string& text = labels[i];
    if (rule.match.empty()) refuse("rules", "a rule selects nothing; say what it is for");
    if (!rule.formula.empty() && !rule.copy.empty()) refuse("rules", text + " has either a formula or a copy");
    if (rule.drop && (rule.has_result() || !rule.dtype.empty()))
      refuse("rules", text + " drops its tensors, and can say no more of them");
    if (!rule.says_what_is_computed() && rule.dtype.empty()) refuse("rules", text + " says nothing of its tensors");
  }
  if (!recipe.adapters.empty() && !recipe.roles.empty())
    refuse("--lora", "checkpoints that are put together take no adapters; bake them into the result (`ckmerge bake`)");
  if (!recipe.rules.empty() && !recipe.roles.empty())
    refuse("rules", "checkpoints that are put together are not merged, and take no rules");
}

// REQUIRES: recipe.formula.
void check_formula(const Recipe& recipe, size_t inputs) {
  if (!recipe.roles.empty()) refuse("formula", "checkpoints that are put together are not merged by a formula");
  for (const auto& [name, values] : recipe.parameters)
    if (values.size() != 1) refuse(name, sentence("'", name, "' stands for one number of the formula"));
  const size_t adapters = expect_adapters_last(*recipe.formula, recipe.rules);
  if (adapters > recipe.adapters.size())
    refuse("formula", sentence("the formula speaks of ", counted(adapters, "adapter"), ", but ", recipe.adapters.size(),
                               recipe.adapters.size() == 1 ? " is given" : " are given"));
  if (adapters > 0 && !recipe.operands.empty())
    refuse("formula", "a formula over slices cannot speak of adapters; add them with --lora");
  const size_t merged = merged_inputs(recipe, inputs), named = recipe.formula->names.size() - adapters;
  if (named != merged)
    refuse("formula", sentence("the formula has names for ", counted(named, "checkpoint"), ", but ", merged,
                               merged == 1 ? " is given" : " are given"));
}

// REQUIRES: recipe.formula has no number of that name.
[[noreturn]] void refuse_weight(const Recipe& recipe, const WeightRule& rule) {
  const std::string weight = sentence("weight '", text_of(rule), "': ");
  const MethodSpec* const method = method_of_call(recipe.formula->text);
  const auto is_it = [&](const ParameterSpec& parameter) { return rule.parameter == parameter.name; };
  if (method && std::ranges::any_of(method->parameter_list(), is_it))
    refuse("weight", sentence(weight, "of ", method->name, "'s own ", rule.parameter,
                              " there are weights where it is called with A, B, ... in their order; here write ",
                              rule.parameter, "=r, and give r for all other tensors (--param r=X, or 'let')"));
  refuse("weight", sentence(weight, "the formula has no number '", rule.parameter,
                            "'; give it for all other tensors (--param ", rule.parameter, "=X, or 'let')"));
}

// Those with weights, which `by_name` has resolved; without it as they are for all other tensors.
FormulaNumbers named_numbers(const Recipe& recipe, const WeightedNumbers* by_name) {
  FormulaNumbers numbers;
  for (const WeightRule& rule : recipe.weights) {
    const auto given = recipe.parameters.find(rule.parameter);
    if (given == recipe.parameters.end()) refuse_weight(recipe, rule);
    NumberByName& number = numbers[rule.parameter];
    number = by_name ? by_name->by_parameter.at(rule.parameter).at(0) : NumberByName{.value = given->second[0]};
    number.name = rule.parameter;
  }
  return numbers;
}

// Weights of the parameters of the only method that a formula calls are as that method's own.
bool has_weights_of_method(const Recipe& recipe) {
  return !recipe.weights.empty() && std::ranges::none_of(recipe.weights, [&](const WeightRule& rule) {
    return recipe.parameters.contains(rule.parameter);
  });
}

// REQUIRES: recipe.formula.
ReadFormula read(const Recipe& recipe, size_t inputs, const WeightedNumbers* by_name) {
  check_formula(recipe, inputs);
  Formula formula = *recipe.formula;
  std::vector<std::pair<std::string, std::string>> numbers;
  for (const auto& [name, values] : recipe.parameters)
    if (!has_weights(recipe, name)) numbers.emplace_back(name, number_text(values[0]));
  formula.defined.insert(formula.defined.begin(), numbers.begin(), numbers.end());
  if (!has_weights_of_method(recipe)) {
    ReadFormula read = read_formula(formula, named_numbers(recipe, by_name), recipe.rules);
    if (!recipe.weights.empty())
      read.call.reset();  // a method has no numbers with names, of which weights and rules speak
    return read;
  }
  ReadFormula read = read_formula(formula, {}, recipe.rules);
  if (!read.call) static_cast<void>(named_numbers(recipe, by_name));  // throws
  return read;
}

std::vector<std::string> place_names(size_t count) {
  std::vector<std::string> names;
  for (size_t k = 0; k < count; ++k) names.push_back(place_name(k));
  return names;
}

// Those without a name in the formula are added to what it makes, and what rules make, copies aside.
MergeGraph with_adapters(const Recipe& recipe, MergeGraph graph) {
  if (recipe.adapters.empty()) return graph;
  const size_t named = recipe.formula ? adapter_names(*recipe.formula, recipe.rules).size() : 0;
  std::vector<bool> to_alternative;
  for (const RecipeRule& rule : recipe.rules)
    if (rule.has_result()) to_alternative.push_back(rule.copy.empty());
  graph.add_adapters(static_cast<uint32_t>(named), static_cast<uint32_t>(recipe.adapters.size()), to_alternative);
  return graph;
}

ReadFormula with_rules(const Recipe& recipe, size_t inputs, MergeGraph graph) {
  if (std::ranges::none_of(recipe.rules, &RecipeRule::has_result))
    return {std::move(graph), "", std::vector<std::string>(recipe.rules.size())};
  return read_rules(std::move(graph), place_names(merged_inputs(recipe, inputs)), recipe.rules);
}

}  // namespace

MergeGraph graph_of(const Recipe& recipe, size_t inputs) {
  check_rules(recipe);
  if (recipe.formula) return with_adapters(recipe, read(recipe, inputs, nullptr).graph);
  return with_adapters(recipe, with_rules(recipe, inputs, merge_graph(recipe, inputs)).graph);
}

MergeGraph graph_of(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  check_rules(recipe);
  const size_t inputs = checkpoints.size();
  if (!recipe.formula)
    return with_adapters(recipe, with_rules(recipe, inputs, weighted_graph(recipe, checkpoints)).graph);
  check_formula(recipe, inputs);
  WeightedNumbers numbers = weighted_numbers(recipe, checkpoints);
  MergeGraph graph = read(recipe, inputs, &numbers).graph;
  numbers.finish(graph);
  return with_adapters(recipe, std::move(graph));
}

void check_recipe(const Recipe& recipe, size_t inputs) {
  static_cast<void>(graph_of(recipe, inputs));
  if (!recipe.formula) static_cast<void>(resolve_coefficients(recipe, inputs));
}

Recipe canonical_recipe(const Recipe& recipe, size_t inputs) {
  check_rules(recipe);
  Recipe canonical = recipe;
  ReadFormula texts;
  if (recipe.formula)
    texts = read(recipe, inputs, nullptr);
  else if (!recipe.rules.empty())
    texts = with_rules(recipe, inputs, merge_graph(recipe, inputs));
  for (size_t i = 0; i < canonical.rules.size(); ++i)
    if (canonical.rules[i].copy.empty()) canonical.rules[i].formula = std::move(texts.rules[i]);
  if (!recipe.formula) return canonical;
  if (texts.call) {
    canonical.method = std::move(texts.call->method);
    canonical.parameters = std::move(texts.call->parameters);
    canonical.formula.reset();
    return canonical;
  }
  canonical.method = kFormulaMethod;
  canonical.formula->text = std::move(texts.text);
  canonical.formula->defined.clear();
  std::erase_if(canonical.parameters, [&](const auto& number) { return !has_weights(recipe, number.first); });
  return canonical;
}

}  // namespace ckmerge
