// SPDX-License-Identifier: Apache-2.0
// From a formula's text to the graph that is merged (docs/recipe.md is the language).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/formula/sole_call.h"
#include "core/formula/term_builder.h"
#include "core/recipe/merge_graph.h"
#include "core/recipe/recipe.h"

namespace ckmerge {

/// What a formula computes, and its canonical text; and those of the rules that have one, by rule.
struct ReadFormula {
  MergeGraph graph;
  std::string text;
  std::vector<std::string> rules = {};
  std::optional<SoleCall> call = {};  ///< where the formula is a method's merge
};

/// The rules' results are the graph's alternatives, in their order. `numbers` are names for numbers that hang on
/// tensors' names. Throws Error(usage), with line, column and a caret, for what is no formula, does not result in a
/// checkpoint, or leaves one of its checkpoints or numbers out; and for names that are none, are given twice, or call a
/// checkpoint by another's letter.
ReadFormula read_formula(const Formula& formula, const FormulaNumbers& numbers = {},
                         std::span<const RecipeRule> rules = {});

/// The same of rules beside `graph`, whose result is there already; `names` are those of its inputs.
ReadFormula read_rules(MergeGraph graph, const std::vector<std::string>& names, std::span<const RecipeRule> rules);

}  // namespace ckmerge
