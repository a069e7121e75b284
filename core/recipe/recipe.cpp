// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/recipe.h"

#include <algorithm>
#include <cmath>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

struct DtypeName {
  std::string_view name;
  Dtype dtype;
};

// The format's spelling first, then what torch, mergekit, kohya's scripts and the web UIs call it.
constexpr DtypeName kDtypeNames[] = {
    {"f64", Dtype::F64},
    {"fp64", Dtype::F64},
    {"float64", Dtype::F64},
    {"double", Dtype::F64},
    {"f32", Dtype::F32},
    {"fp32", Dtype::F32},
    {"float32", Dtype::F32},
    {"float", Dtype::F32},
    {"full", Dtype::F32},
    {"f16", Dtype::F16},
    {"fp16", Dtype::F16},
    {"float16", Dtype::F16},
    {"half", Dtype::F16},
    {"bf16", Dtype::BF16},
    {"bfloat16", Dtype::BF16},
    {"f8_e4m3", Dtype::F8_E4M3},
    {"fp8_e4m3", Dtype::F8_E4M3},
    {"f8_e4m3fn", Dtype::F8_E4M3},
    {"fp8_e4m3fn", Dtype::F8_E4M3},
    {"float8_e4m3fn", Dtype::F8_E4M3},
    {"e4m3fn", Dtype::F8_E4M3},
    {"f8_e5m2", Dtype::F8_E5M2},
    {"fp8_e5m2", Dtype::F8_E5M2},
    {"float8_e5m2", Dtype::F8_E5M2},
    {"e4m3", Dtype::F8_E4M3},
    {"e5m2", Dtype::F8_E5M2},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

template <typename Policy>
constexpr const char* kPolicyNames[] = {nullptr};
template <>
constexpr const char* kPolicyNames<MissingPolicy>[] = {"keep", "zero", "drop", "error"};
template <>
constexpr const char* kPolicyNames<ExtraPolicy>[] = {"drop", "add", "error"};
template <>
constexpr const char* kPolicyNames<ExpandPolicy>[] = {"copy", "zero"};
template <>
constexpr const char* kPolicyNames<NanPolicy>[] = {"error", "warn"};
template <>
constexpr const char* kPolicyNames<MetadataPolicy>[] = {"keep", "recipe", "none"};
template <>
constexpr const char* kPolicyNames<EmaPolicy>[] = {"keep", "use", "drop"};

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

const Method& find_or_refuse(const std::string& name) {
  if (const Method* method = find_method(name)) return *method;
  std::string known;
  for (const Method& method : methods()) known += (known.empty() ? "" : ", ") + std::string(method.spec->name);
  refuse("method", "method '" + name + "' is unknown; the methods are " + known);
}

void check_input_count(const MethodSpec& spec, size_t inputs) {
  const bool too_many = spec.max_inputs != 0 && inputs > spec.max_inputs;
  if (inputs >= spec.min_inputs && !too_many) return;
  const std::string wanted = spec.min_inputs == spec.max_inputs ? counted(spec.min_inputs, "checkpoint")
                                                                : "at least " + counted(spec.min_inputs, "checkpoint");
  constexpr size_t kShortFormula = 40;  // characters; slerp's would hide what is said
  const bool is_short = std::string_view(spec.formula).size() <= kShortFormula;
  const std::string formula = is_short ? std::string(" (") + spec.formula + ")" : "";
  refuse("method", std::string(spec.name) + " takes " + wanted + formula + ", but " + std::to_string(inputs) +
                       (inputs == 1 ? " was" : " were") + " given");
}

// Index of the parameter in the spec. Lists what the method does take.
size_t find_parameter(const MethodSpec& spec, const std::string& name) {
  std::string known;
  for (size_t i = 0; i < spec.parameter_count; ++i) {
    if (name == spec.parameters[i].name) return i;
    known += (known.empty() ? "" : ", ") + std::string(spec.parameters[i].name);
  }
  refuse(name, std::string(spec.name) + " has no parameter '" + name + "'" +
                   (known.empty() ? "; it takes none" : "; it takes " + known));
}

void check_value(const MethodSpec& spec, const ParameterSpec& parameter, const std::vector<double>& value,
                 size_t inputs) {
  const std::string name = parameter.name;
  const size_t wanted = parameter.kind == ParameterKind::numbers ? inputs : 1;
  if (value.size() != wanted)
    refuse(name, name + " of " + spec.name + " takes " + counted(wanted, "number") +
                     (parameter.kind == ParameterKind::numbers ? ", one per checkpoint" : "") + ", but " +
                     std::to_string(value.size()) + (value.size() == 1 ? " was" : " were") + " given");
  if (parameter.kind == ParameterKind::flag && value[0] != 0 && value[0] != 1)
    refuse(name, name + " of " + spec.name + " is on or off, 1 or 0");
  for (const double number : value)
    if (!std::isfinite(number)) refuse(name, name + " must be finite, not NaN or infinite");
}

Arguments resolve_arguments(const MethodSpec& spec, const Recipe& recipe, size_t inputs) {
  Arguments arguments;
  arguments.inputs = inputs;
  for (size_t i = 0; i < spec.parameter_count; ++i) arguments.values[i].number = spec.parameters[i].default_value;
  for (const auto& [name, value] : recipe.parameters) {
    const size_t i = find_parameter(spec, name);
    check_value(spec, spec.parameters[i], value, inputs);
    arguments.values[i] = {.number = value[0], .numbers = value};
  }
  return arguments;
}

}  // namespace

template <typename Policy>
std::span<const char* const> policy_names() {
  return kPolicyNames<Policy>;
}
template std::span<const char* const> policy_names<MissingPolicy>();
template std::span<const char* const> policy_names<ExtraPolicy>();
template std::span<const char* const> policy_names<ExpandPolicy>();
template std::span<const char* const> policy_names<NanPolicy>();
template std::span<const char* const> policy_names<MetadataPolicy>();
template std::span<const char* const> policy_names<EmaPolicy>();

Dtype parse_dtype(std::string_view text) {
  std::string wanted(text);
  std::ranges::transform(wanted, wanted.begin(), lower);
  for (const DtypeName& known : kDtypeNames)
    if (wanted == known.name) return known.dtype;
  refuse("dtype",
         "dtype '" + std::string(text) +
             "' is unknown; it can be keep, f64, f32, f16, bf16, f8_e4m3 or f8_e5m2 (or what torch calls them)");
}

Dtype stored_dtype(const Recipe& recipe, std::string_view name, Dtype from) {
  if (const std::optional<Part> part = part_of(name))
    if (const auto& given = recipe.part_dtypes[static_cast<size_t>(*part)]) return given->dtype.value_or(from);
  if (recipe.dtype) return *recipe.dtype;
  return recipe.half && from == Dtype::F32 ? Dtype::F16 : from;
}

size_t merged_inputs(const Recipe& recipe, size_t inputs) {
  if (!recipe.roles.empty()) return std::min<size_t>(inputs, 1);
  return inputs - (recipe.bake_vae && inputs > 0);
}

std::vector<double> resolve_coefficients(const Recipe& recipe, size_t inputs) {
  inputs = merged_inputs(recipe, inputs);
  const Method& method = find_or_refuse(recipe.method);
  check_input_count(*method.spec, inputs);
  const Arguments arguments = resolve_arguments(*method.spec, recipe, inputs);
  std::vector<double> coefficients(method.coefficient_count(inputs));
  if (const char* fault = method.coefficients(arguments, coefficients)) refuse(recipe.method, fault);
  for (const double coefficient : coefficients)
    if (!std::isfinite(coefficient)) refuse(recipe.method, "a coefficient of " + recipe.method + " is not finite");
  return coefficients;
}

}  // namespace ckmerge
