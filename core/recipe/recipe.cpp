// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/recipe.h"

#include <algorithm>

#include "core/recipe/merge_graph.h"
#include "io/text/error.h"

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
constexpr const char* kPolicyNames<VocabPolicy>[] = {"error", "crop", "base"};
template <>
constexpr const char* kPolicyNames<NanPolicy>[] = {"error", "warn"};
template <>
constexpr const char* kPolicyNames<UnderflowPolicy>[] = {"warn", "error"};
template <>
constexpr const char* kPolicyNames<TiedPolicy>[] = {"error", "sum"};
template <>
constexpr const char* kPolicyNames<DoraPolicy>[] = {"trained", "comfy"};
template <>
constexpr const char* kPolicyNames<RoundingPolicy>[] = {"nearest", "stochastic"};
template <>
constexpr const char* kPolicyNames<MetadataPolicy>[] = {"keep", "recipe", "none", "last", "set"};
template <>
constexpr const char* kPolicyNames<EmaPolicy>[] = {"keep", "use", "drop"};

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

}  // namespace

template <typename Policy>
std::span<const char* const> policy_names() {
  return kPolicyNames<Policy>;
}
template std::span<const char* const> policy_names<MissingPolicy>();
template std::span<const char* const> policy_names<ExtraPolicy>();
template std::span<const char* const> policy_names<ExpandPolicy>();
template std::span<const char* const> policy_names<VocabPolicy>();
template std::span<const char* const> policy_names<NanPolicy>();
template std::span<const char* const> policy_names<UnderflowPolicy>();
template std::span<const char* const> policy_names<TiedPolicy>();
template std::span<const char* const> policy_names<DoraPolicy>();
template std::span<const char* const> policy_names<RoundingPolicy>();
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

Dtype stored_dtype(const Recipe& recipe, std::optional<Part> part, Dtype from) {
  if (part)
    if (const auto& given = recipe.part_dtypes[static_cast<size_t>(*part)]) return given->dtype.value_or(from);
  if (recipe.dtype) return *recipe.dtype;
  return recipe.half && from == Dtype::F32 ? Dtype::F16 : from;
}

bool writes_recipe(const Recipe& recipe) {
  return recipe.metadata != MetadataPolicy::none && recipe.metadata != MetadataPolicy::set;
}

size_t merged_inputs(const Recipe& recipe, size_t inputs) {
  return recipe.operands.empty() ? given_inputs(recipe, inputs) : std::min(recipe.operands.size(), inputs);
}

size_t given_inputs(const Recipe& recipe, size_t inputs) {
  if (!recipe.roles.empty()) return std::min<size_t>(inputs, 1);
  const size_t others = first_adapter(recipe, inputs);
  return others - (recipe.bake_vae && others > 0);
}

std::string formula_name(const Recipe& recipe, size_t k, size_t inputs) {
  if (!recipe.formula) return "";
  const std::vector<std::string>& names = recipe.formula->names;
  const bool has_vae = recipe.bake_vae && first_adapter(recipe, inputs) > 0;
  if (has_vae && k == vae_input(recipe, inputs)) return "";
  const size_t i = k - (has_vae && k > vae_input(recipe, inputs));
  return i < names.size() ? names[i] : "";
}

std::vector<double> resolve_coefficients(const Recipe& recipe, size_t inputs) {
  const MergeGraph graph = merge_graph(recipe, inputs);
  return coefficients_of(graph[graph.result()], NumbersByName(graph).of(""));
}

}  // namespace ckmerge
