// SPDX-License-Identifier: Apache-2.0
#include "core/plan/weight_warnings.h"

#include <algorithm>
#include <charconv>

#include "core/plan/extrapolation.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/method.h"

namespace ckmerge {
namespace {

std::string shortest(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

const ParameterSpec* parameter_of(const Recipe& recipe, const WeightRule& rule) {
  const Method* const method = find_method(recipe.method);
  if (!method) return nullptr;
  for (const ParameterSpec& parameter : std::span(method->spec->parameters).first(method->spec->parameter_count))
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
    warnings.push_back(sentence("the weight '", text_of(rule), "' has ", shortest(*odd), ", outside of ",
                                shortest(usual.least), " to ", shortest(usual.most),
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
