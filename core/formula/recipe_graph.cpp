// SPDX-License-Identifier: Apache-2.0
#include "core/formula/recipe_graph.h"

#include <utility>

#include "core/formula/read_formula.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// REQUIRES: recipe.formula.
ReadFormula read(const Recipe& recipe, size_t inputs) {
  const auto refuse = [](const std::string& sentence) { throw Error(ErrorCode::usage, "formula", sentence); };
  if (!recipe.roles.empty()) refuse("checkpoints that are put together are not merged by a formula");
  if (!recipe.parameters.empty()) refuse("the numbers of a formula stand in it, and it takes no parameters beside");
  const size_t merged = merged_inputs(recipe, inputs), named = recipe.formula->names.size();
  if (named != merged)
    refuse(sentence("the formula has names for ", counted(named, "checkpoint"), ", but ", merged,
                    merged == 1 ? " is given" : " are given"));
  ReadFormula formula = read_formula(*recipe.formula);
  if (!recipe.weights.empty() && !formula.call)
    refuse("the numbers of a formula stand in it, and it takes no weights beside");
  return formula;
}

}  // namespace

MergeGraph graph_of(const Recipe& recipe, size_t inputs) {
  return recipe.formula ? read(recipe, inputs).graph : merge_graph(recipe, inputs);
}

void check_recipe(const Recipe& recipe, size_t inputs) {
  recipe.formula ? static_cast<void>(read(recipe, inputs)) : static_cast<void>(resolve_coefficients(recipe, inputs));
}

Recipe canonical_recipe(const Recipe& recipe, size_t inputs) {
  Recipe canonical = recipe;
  if (!recipe.formula) return canonical;
  ReadFormula formula = read(recipe, inputs);
  if (formula.call) {
    canonical.method = std::move(formula.call->method);
    canonical.parameters = std::move(formula.call->parameters);
    canonical.formula.reset();
    return canonical;
  }
  canonical.method = kFormulaMethod;
  canonical.formula->text = std::move(formula.text);
  canonical.formula->defined.clear();
  return canonical;
}

}  // namespace ckmerge
