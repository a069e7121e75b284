// SPDX-License-Identifier: Apache-2.0
// What a recipe may do with inputs that hold no weights: codes of a quantizer, factors of an adapter.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Throws Error(mismatch), with a detail line per input where there are several, when `recipe` would compute on codes
/// or factors, or put them into another file: only a copy of one file leaves codes with their scales, and factors
/// with each other. Codes are allowed where the recipe copies them (Recipe::copy_codes). `is_ruled`: whether one of the
/// recipe's rules computes a tensor of that name, or stores it as another dtype.
void refuse_unmergeable(const Recipe& recipe, std::span<const Checkpoint> checkpoints,
                        const std::function<bool(std::string_view)>& is_ruled = {});

/// One sentence each: factors beside weights, which are merged one by one; --copy-codes where there are no codes.
std::vector<std::string> judgement_warnings(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

/// Whether `name` is a mark that stands beside all parts and says that layers of theirs hold codes: scaled_fp8.
bool is_mark_of_codes(std::string_view name);

/// The modules that hold codes in any of the checkpoints: what is copied from A whole with Recipe::copy_codes.
class CodedModules {
 public:
  /// Keeps views of the names: REQUIRES that `checkpoints` outlive it, unchanged.
  explicit CodedModules(std::span<const Checkpoint> checkpoints);

  /// Whether `name` is a code, or lies in the module of one or one level below: scales, tables, marks, biases.
  bool covers(std::string_view name) const;

 private:
  std::unordered_set<std::string_view> modules_;  // with the dot behind them; "" for names without any
  std::unordered_set<std::string_view> owners_;   // codes, below whose names others lie: x.weight.absmax
};

}  // namespace ckmerge
