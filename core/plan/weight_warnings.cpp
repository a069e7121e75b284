// SPDX-License-Identifier: Apache-2.0
#include "core/plan/weight_warnings.h"

#include <algorithm>
#include <charconv>

#include "io/text/sentence.h"
#include "kernels/method.h"

namespace ckmerge {
namespace {

std::string shortest(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

// Weights per checkpoint are judged once they are normalized, if at all.
const UsualRange* usual_range(const Recipe& recipe, const WeightRule& rule) {
  const Method* const method = find_method(recipe.method);
  if (!method || rule.input >= 0) return nullptr;
  for (const ParameterSpec& parameter : std::span(method->spec->parameters).first(method->spec->parameter_count))
    if (rule.parameter == parameter.name) return &parameter.usual;
  return nullptr;
}

}  // namespace

std::vector<std::string> weight_warnings(const Plan& plan) {
  std::vector<std::string> warnings;
  const std::vector<WeightRule>& rules = plan.recipe.weights;
  for (size_t i = 0; i < std::min(rules.size(), plan.weighted.size()); ++i) {
    const std::string text = text_of(rules[i]);
    if (plan.weighted[i] == 0)
      warnings.push_back(
          sentence("the weight '", text, "' changes nothing: ",
                   rules[i].by == WeightRule::By::list ? "no tensor that is merged lies in its blocks, or " : "",
                   "later weights hold for all that it selects"));
    const UsualRange* const usual = usual_range(plan.recipe, rules[i]);
    if (!usual) continue;
    const auto odd = std::ranges::find_if(rules[i].values,
                                          [&](double value) { return value < usual->least || value > usual->most; });
    if (odd != rules[i].values.end())
      warnings.push_back(sentence("the weight '", text, "' has ", shortest(*odd), ", outside of ",
                                  shortest(usual->least), " to ", shortest(usual->most),
                                  ": the result is extrapolated, far beyond the checkpoints"));
  }
  return warnings;
}

}  // namespace ckmerge
