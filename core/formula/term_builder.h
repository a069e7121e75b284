// SPDX-License-Identifier: Apache-2.0
// From an expression to terms of a graph, of which the types are judged: checkpoint, delta or neither.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/formula/expression.h"
#include "core/formula/formula_number.h"
#include "core/recipe/merge_graph.h"
#include "core/recipe/recipe.h"

namespace ckmerge {

/// Numbers with names that hang on tensors' names.
using FormulaNumbers = std::map<std::string, NumberByName>;

class TermBuilder {
 public:
  /// `names` are those of the graph's inputs in their order, the last `adapters` of them those of adapters. REQUIRES:
  /// `graph` outlives this.
  TermBuilder(MergeGraph& graph, const std::vector<std::string>& names, size_t adapters, const FormulaNumbers& numbers);

  /// The checkpoint that `expression` is; `formula` is what it was read from, as advice shows it. Throws Error(usage)
  /// with the place for what is none, and for names that are unknown.
  TermId build(const Expression& expression, const Formula& formula);

  /// Throws Error(usage) for a checkpoint or number that was in nothing built so far.
  void expect_all_used() const;

 private:
  class Builder;

  MergeGraph& graph_;
  std::vector<std::string> checkpoints_;
  std::map<std::string, FormulaNumber> numbers_;
  std::vector<TermId> inputs_;
  size_t checkpoint_count_;  // of the names; those behind are adapters'
  std::vector<bool> used_;   // checkpoints
  std::set<std::string> used_numbers_;
};

}  // namespace ckmerge
