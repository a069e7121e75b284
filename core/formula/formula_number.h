// SPDX-License-Identifier: Apache-2.0
// A number of a formula: one for all tensors, or one that hangs on a tensor's name because of a recipe's weights.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "core/formula/formula_fault.h"
#include "core/recipe/merge_graph.h"

namespace ckmerge {

struct FormulaNumber {
  /// Other numbers than the recipe's that are put in for those with weights, to see what holds whatever they are: that
  /// (1 - r)*A + r*B is a checkpoint. They are the same in every run.
  static constexpr size_t kTrials = 3;

  double value = 0;                           ///< where no weight holds
  std::array<double, kTrials> trials{};       ///< what it comes to with other numbers; of one for all tensors `value`
  std::optional<TermId> term = std::nullopt;  ///< of one that hangs on names

  FormulaNumber() = default;
  explicit FormulaNumber(double number) : value(number) { trials.fill(number); }

  /// The number that a name stands for, the `index`-th of those that have weights.
  static FormulaNumber named(MergeGraph& graph, NumberByName number, size_t index);

  TermId term_in(MergeGraph& graph) const { return term ? *term : graph.number(value); }
};

/// `a` and `b` with + - * or / between them, which stands at `place`. Throws Error(usage) where b divides and is zero,
/// and where the result is not finite.
FormulaNumber computed(FormulaPlace place, MergeGraph& graph, const FormulaNumber& a, char sign,
                       const FormulaNumber& b);

}  // namespace ckmerge
