// SPDX-License-Identifier: Apache-2.0
#include "core/plan/extrapolation.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "core/formula/recipe_graph.h"
#include "io/text/sentence.h"
#include "kernels/method.h"

namespace ckmerge {
namespace {

std::string shortest(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

bool is_usual(double number, const UsualRange& usual) { return number >= usual.least && number <= usual.most; }

std::string warning(const std::string& what, double number, const UsualRange& usual, bool as_given) {
  std::string text = sentence(what, " is ", shortest(number), ", outside of ", shortest(usual.least), " to ",
                              shortest(usual.most), ": the result is extrapolated, far beyond the checkpoints");
  // -1.5 was no percentage.
  if (as_given && std::fabs(number) >= 2 && std::fabs(number) <= 100)
    text += sentence("; ", shortest(number), " % is ", shortest(number / 100));
  return text;
}

using Numbers = std::map<std::string, std::vector<double>>;

// Of the parameters that were given; `weights` are the coefficients of what a method takes a weight each of.
void warn_of(const Method& method, const Numbers& parameters, std::span<const double> weights,
             std::span<const std::string> inputs, std::vector<std::string>& warnings) {
  for (const ParameterSpec& parameter : std::span(method.spec->parameters).first(method.spec->parameter_count)) {
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
    if (const double factor = numbers[term.factors[i]]; !is_usual(factor, kShare))
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

}  // namespace ckmerge
