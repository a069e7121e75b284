// SPDX-License-Identifier: Apache-2.0
#include "core/plan/number_warnings.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/formula/recipe_graph.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/method.h"

namespace ckmerge {
namespace {

bool is_usual(double number, const UsualRange& usual) { return number >= usual.least && number <= usual.most; }

std::string warning(const std::string& what, double number, const UsualRange& usual, bool as_given) {
  std::string text = sentence(what, " is ", number_text(number), ", outside of ", number_text(usual.least), " to ",
                              number_text(usual.most), ": the result is extrapolated, far beyond the checkpoints");
  // -1.5 was no percentage.
  if (as_given && std::fabs(number) >= 2 && std::fabs(number) <= 100)
    text += sentence("; ", number_text(number), " % is ", number_text(number / 100));
  return text;
}

using Numbers = std::map<std::string, std::vector<double>>;

// Of the parameters that were given; `weights` are the coefficients of what a method takes a weight each of.
void warn_of(const Method& method, const Numbers& parameters, std::span<const double> weights,
             std::span<const std::string> inputs, std::vector<std::string>& warnings) {
  for (const ParameterSpec& parameter : method.spec->parameter_list()) {
    const auto given = parameters.find(parameter.name);
    if (given == parameters.end() || parameter.kind == ParameterKind::flag) continue;
    if (parameter.kind == ParameterKind::number) {
      if (const double number = given->second.at(0); !is_usual(number, parameter.usual))
        warnings.push_back(warning(parameter.name, number, parameter.usual, true));
      continue;
    }
    const size_t count = std::min(weights.size(), given->second.size());
    for (size_t k = parameter.first_used; k < count; ++k)
      if (const double number = weights[k]; !is_usual(number, parameter.usual))
        warnings.push_back(warning("the weight of " + inputs[k], number, parameter.usual, number == given->second[k]));
  }
}

// As it stands in the formula, or else in words.
std::string operand_text(const Recipe& recipe, const Term& operand) {
  if (operand.kind == Term::Kind::adapter) return "an adapter";
  if (operand.kind == Term::Kind::input) return recipe.formula->names[operand.input];
  return operand.kind == Term::Kind::method ? operand.method + "(...)" : std::string("a ") + name(operand.type);
}

void warn_of_term(const Recipe& recipe, const MergeGraph& graph, const Term& term, std::span<const double> numbers,
                  std::vector<std::string>& warnings) {
  std::vector<std::string> operands;
  for (const TermId id : term.operands) operands.push_back(operand_text(recipe, graph[id]));
  if (term.kind == Term::Kind::method) {
    Numbers parameters;
    for (const auto& [parameter, ids] : term.parameters)
      for (const TermId id : ids) parameters[parameter].push_back(numbers[id]);
    warn_of(*find_method(term.method), parameters, coefficients_of(term, numbers), operands, warnings);
  }
  for (size_t i = 0; i < term.factors.size(); ++i)
    if (const double factor = numbers[term.factors[i]];
        !is_usual(factor, kShare) && graph[term.operands[i]].kind != Term::Kind::adapter)
      warnings.push_back(warning("in the formula, the factor of " + operands[i], factor, kShare, true));
}

}  // namespace

std::vector<std::string> extrapolation_warnings(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> warnings;
  if (recipe.formula) {
    const MergeGraph graph = graph_of(recipe, checkpoints.size());
    const std::vector<double> numbers = NumbersByName(graph).of("");
    for (const Term& term : graph.terms()) warn_of_term(recipe, graph, term, numbers, warnings);
    return warnings;
  }
  const Method* const method = find_method(recipe.method);
  if (!method || !recipe.roles.empty()) return warnings;
  std::vector<std::string> paths;
  for (const Checkpoint& checkpoint : checkpoints) paths.push_back(checkpoint.path);
  warn_of(*method, recipe.parameters, resolve_coefficients(recipe, checkpoints.size()), paths, warnings);
  return warnings;
}

// ---- weights

namespace {

const ParameterSpec* parameter_of(const Recipe& recipe, const WeightRule& rule) {
  const Method* const method = find_method(recipe.method);
  if (!method) return nullptr;
  for (const ParameterSpec& parameter : method->spec->parameter_list())
    if (rule.parameter == parameter.name) return &parameter;
  return nullptr;
}

// Of a checkpoint whose number does not count.
bool is_unused(const Recipe& recipe, const WeightRule& rule) {
  const ParameterSpec* const parameter = parameter_of(recipe, rule);
  return parameter && rule.input >= 0 && static_cast<uint32_t>(rule.input) < parameter->first_used;
}

// Weights per checkpoint, which may be normalized, and numbers of a formula, with which it may reckon, are judged by
// what they come to: as if the recipe had the number for all tensors.
// `usual`: what is said without it.
void warn_of_result(const Recipe& recipe, const WeightRule& rule, std::span<const Checkpoint> checkpoints,
                    std::span<const std::string> usual, std::vector<std::string>& warnings) {
  Recipe one = recipe;
  one.weights.clear();
  one.rules.clear();
  const auto [least, most] = std::ranges::minmax_element(rule.values);
  for (const double value : {*least, *most}) try {
      one.parameters[rule.parameter].at(static_cast<size_t>(std::max(rule.input, 0))) = value;
      for (const std::string& warning : extrapolation_warnings(one, checkpoints)) {
        const std::string text = sentence("with the weight '", text_of(rule), "' ", warning);
        if (std::ranges::find(usual, warning) == usual.end() && std::ranges::find(warnings, text) == warnings.end())
          warnings.push_back(text);
      }
    } catch (const Error&) {
      return;  // with all other numbers of the recipe it is none that any tensor has, or the plan were refused
    }
}

void warn_of_value(const ParameterSpec& parameter, const WeightRule& rule, std::vector<std::string>& warnings) {
  const UsualRange& usual = parameter.usual;
  const auto odd =
      std::ranges::find_if(rule.values, [&](double value) { return value < usual.least || value > usual.most; });
  if (odd != rule.values.end())
    warnings.push_back(sentence("the weight '", text_of(rule), "' has ", number_text(*odd), ", outside of ",
                                number_text(usual.least), " to ", number_text(usual.most),
                                ": the result is extrapolated, far beyond the checkpoints"));
}

}  // namespace

std::vector<std::string> weight_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> warnings;
  const std::vector<WeightRule>& rules = plan.recipe.weights;
  if (rules.empty()) return warnings;
  const std::vector<std::string> usual = extrapolation_warnings(plan.recipe, checkpoints);
  for (size_t i = 0; i < std::min(rules.size(), plan.weighted.size()); ++i) {
    const WeightRule& rule = rules[i];
    if (plan.weighted[i] == 0)
      warnings.push_back(
          sentence("the weight '", text_of(rule), "' changes nothing: ",
                   rule.by == WeightRule::By::list ? "no tensor that is merged lies in its blocks, or " : "",
                   "later weights hold for all that it selects",
                   plan.recipe.rules.empty() ? "" : ", or rules do, whose formulas do not have the number"));
    else if (is_unused(plan.recipe, rule))
      warnings.push_back(sentence("the weight '", text_of(rule), "' changes nothing: ", plan.recipe.method,
                                  " takes the difference from that checkpoint, whose own is 0"));
    if (plan.recipe.formula || rule.input >= 0)
      warn_of_result(plan.recipe, rule, checkpoints, usual, warnings);
    else if (const ParameterSpec* const parameter = parameter_of(plan.recipe, rule))
      warn_of_value(*parameter, rule, warnings);
  }
  return warnings;
}

}  // namespace ckmerge
