// SPDX-License-Identifier: Apache-2.0
#include "core/plan/extrapolation.h"

#include <algorithm>
#include <charconv>
#include <cmath>

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

}  // namespace

std::vector<std::string> extrapolation_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> warnings;
  const Method* const method = find_method(plan.recipe.method);
  if (!method || plan.coefficients.empty()) return warnings;
  for (const ParameterSpec& parameter : std::span(method->spec->parameters).first(method->spec->parameter_count)) {
    const auto given = plan.recipe.parameters.find(parameter.name);
    if (given == plan.recipe.parameters.end() || parameter.kind == ParameterKind::flag) continue;
    if (parameter.kind == ParameterKind::number) {
      if (const double number = given->second.at(0); !is_usual(number, parameter.usual))
        warnings.push_back(warning(parameter.name, number, parameter.usual, true));
      continue;
    }
    const size_t count = std::min(plan.coefficients.size(), given->second.size());
    for (size_t k = 0; k < count; ++k)
      if (const double number = plan.coefficients[k]; !is_usual(number, parameter.usual))
        warnings.push_back(
            warning("the weight of " + checkpoints[k].path, number, parameter.usual, number == given->second[k]));
  }
  return warnings;
}

}  // namespace ckmerge
