// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/method_defaults.h"

#include <span>

#include "io/text/error.h"

namespace ckmerge {
namespace {

// Empty where the method refuses its numbers.
std::vector<double> coefficients_with(const Method& method, const MethodParameters& parameters, size_t inputs) try {
  return resolve_coefficients({.method = method.spec->name, .parameters = parameters}, inputs);
} catch (const Error&) {
  return {};
}

std::vector<double> default_list(const Method& method, const ParameterSpec& parameter, const MethodParameters& given,
                                 size_t inputs) {
  const std::vector<double> wanted = coefficients_with(method, given, inputs);
  for (const double each : {1.0, 1.0 / static_cast<double>(inputs)}) {
    MethodParameters with = given;
    with[parameter.name].assign(inputs, each);
    if (!wanted.empty() && coefficients_with(method, with, inputs) == wanted) return with[parameter.name];
  }
  return {};
}

}  // namespace

std::vector<double> default_value_of(const Method& method, const ParameterSpec& parameter,
                                     const MethodParameters& given, size_t inputs) {
  if (parameter.kind == ParameterKind::numbers) return default_list(method, parameter, given, inputs);
  return {parameter.default_value};
}

Recipe with_defaults(const Recipe& recipe, size_t inputs) {
  Recipe out = recipe;
  out.seed.reset();
  if (recipe.rounding == RoundingPolicy::stochastic) out.seed = recipe.seed.value_or(0);
  const Method* const method = find_method(recipe.method);
  if (recipe.formula || !method) return out;
  out.method = method->spec->name;
  const size_t merged = merged_inputs(recipe, inputs);
  for (const ParameterSpec& parameter : method->spec->parameter_list()) {
    if (recipe.parameters.contains(parameter.name)) continue;
    std::vector<double> value = default_value_of(*method, parameter, recipe.parameters, merged);
    if (!value.empty()) out.parameters[parameter.name] = std::move(value);
  }
  return out;
}

}  // namespace ckmerge
