// SPDX-License-Identifier: Apache-2.0
// The members of `ckmerge.recipe` (docs/format.md) and their order, for writing and for reading.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/recipe/recipe.h"

namespace ckmerge {

/// Calls `visit(member's name, member)` for those that every recipe has.
void for_each_member(auto& recipe, const auto& visit) {
  visit("method", recipe.method);
  visit("parameters", recipe.parameters);
  visit("dtype", recipe.dtype);
  visit("discard", recipe.discard);
  visit("only", recipe.only);
  visit("exclude", recipe.exclude);
  visit("missing", recipe.missing);
  visit("extra", recipe.extra);
  visit("expand", recipe.expand);
  visit("nan", recipe.nan);
  visit("metadata", recipe.metadata);
  visit("set_metadata", recipe.set_metadata);
  visit("hash", recipe.hash);
}
inline constexpr std::string_view kInputs = "inputs", kVersion = "version";
inline constexpr std::string_view kInputKey = "key", kInputEquated = "equated";

inline constexpr std::string_view kFormula = "formula", kFormulaText = "text", kFormulaNames = "names";

inline constexpr std::string_view kAdapters = "adapters", kAdapterStrength = "strength", kAdapterRules = "rules",
                                  kAdapterSelect = "select";

/// The same for members that are there only where they say something: a text without them is what it was before there
/// were any.
void for_each_optional_member(auto& recipe, const auto& visit) {
  visit(kFormula, recipe.formula);
  visit("dtypes", recipe.part_dtypes);
  visit("dtype_rules", recipe.dtype_rules);
  visit("half", recipe.half);
  visit("parts", recipe.parts);
  visit("prune", recipe.prune);
  visit("ema", recipe.ema);
  visit("keep_names", recipe.keep_names);
  visit("underflow", recipe.underflow);
  visit("rounding", recipe.rounding);
  visit("seed", recipe.seed);
  visit("bake_vae", recipe.bake_vae);
  visit(kAdapters, recipe.adapters);
  visit("allow_unmatched", recipe.allow_unmatched);
  visit("tied", recipe.tied);
  visit("dora", recipe.dora);
  visit("roles", recipe.roles);
  visit("layout", recipe.layout);
  visit("merge_buffers", recipe.merge_buffers);
  visit("mend", recipe.mend);
  visit("vocab", recipe.vocab);
  visit("vocabulary", recipe.vocabulary);
  visit("chat_template", recipe.chat_template);
  visit("first_channels", recipe.first_channels);
  visit("strip_prefix", recipe.strip_prefix);
  visit("rename", recipe.rename);
  visit("add_prefix", recipe.add_prefix);
  visit("copy_codes", recipe.copy_codes);
  visit("weights", recipe.weights);
  visit("rules", recipe.rules);
  visit("operands", recipe.operands);
}
using PartDtypes = decltype(Recipe::part_dtypes);

/// As --dtype takes it.
inline std::string dtype_text(const std::optional<Dtype>& dtype) {
  std::string text = dtype ? info(*dtype).name : "keep";
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace ckmerge
