// SPDX-License-Identifier: Apache-2.0
// Which of a recipe's rules hold for a tensor.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/recipe/merge_graph.h"
#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// What the rules say of one tensor.
struct RuleChoice {
  bool drop = false;
  size_t result = 0;                    ///< index into MergeGraph::results()
  std::optional<PartDtype> dtype = {};  ///< empty: nothing is said of it

  bool is_computed_otherwise() const { return result > 0; }
};

class RuleChoices {
 public:
  /// Blocks are those of `first`. Throws Error(usage) for selectors that select nothing and for unknown dtypes.
  RuleChoices(const Recipe& recipe, const Checkpoint& first);

  RuleChoice of(std::string_view name);

  /// Throws Error(usage) for a rule of which no name given to of() was.
  void expect_matched() const;

  /// For how many names given to of() each rule had the last word, on what is computed or else on the dtype.
  std::vector<uint64_t> held() const;

 private:
  static MergeGraph graph_of(const Recipe& recipe, const Checkpoint& first);

  const Recipe& recipe_;
  std::vector<size_t> results_;                   // per rule
  std::vector<std::optional<PartDtype>> dtypes_;  // per rule
  MergeGraph graph_;                              // of two numbers: the rule for either question, or -1
  NumbersByName numbers_;
};

}  // namespace ckmerge
