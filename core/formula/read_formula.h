// SPDX-License-Identifier: Apache-2.0
// From a formula's text to the graph that is merged (docs/recipe.md is the language).
#pragma once

#include <optional>
#include <string>

#include "core/formula/sole_call.h"
#include "core/recipe/merge_graph.h"
#include "core/recipe/recipe.h"

namespace ckmerge {

/// What `formula` computes, and its canonical text. Throws Error(usage), with line, column and a caret, for what is no
/// formula, does not result in a checkpoint, or leaves one of its checkpoints out; and for names that are none, are
/// given twice, or call a checkpoint by another's letter.
struct ReadFormula {
  MergeGraph graph;
  std::string text;
  std::optional<SoleCall> call = {};  ///< where it is a method's merge
};
ReadFormula read_formula(const Formula& formula);

}  // namespace ckmerge
