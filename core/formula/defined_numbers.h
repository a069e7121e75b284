// SPDX-License-Identifier: Apache-2.0
// Names for expressions (Formula::defined) that are numbers with weights, and stay names for that.
#pragma once

#include <set>
#include <span>
#include <string>
#include <utility>

#include "core/recipe/recipe.h"

namespace ckmerge {

class DefinedNumbers {
 public:
  /// `weighted`: the names that have weights.
  explicit DefinedNumbers(std::set<std::string> weighted) : weighted_(std::move(weighted)) {}

  /// Takes `name` out of `formula` and gives what it comes to with those above it. Throws Error(usage) where it is no
  /// number, or hangs on another that has weights. REQUIRES: the formula defines it.
  double take(Formula& formula, const std::string& name);

  /// Takes names out of `formula` of which nothing speaks but numbers that were taken. What is no formula is left for
  /// read_formula() to refuse.
  void drop_unused(Formula& formula, std::span<const RecipeRule> rules) const;

 private:
  std::set<std::string> weighted_;
  std::set<std::string> spoken_of_;  // by numbers that were taken
};

}  // namespace ckmerge
