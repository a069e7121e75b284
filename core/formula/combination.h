// SPDX-License-Identifier: Apache-2.0
// A sum of products that is being put together, of which it is not known yet whether it becomes a checkpoint, a delta
// or neither.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "core/formula/formula_number.h"
#include "core/recipe/merge_graph.h"
#include "kernels/program.h"

namespace ckmerge {

class Combination {
 public:
  struct Part {
    TermId term = 0;
    Weights factor = {};  ///< the sum of what was given for the term; where it hangs on names as FormulaNumber::value
    std::array<Weights, FormulaNumber::kTrials> trials = {};
    std::optional<TermId> number = {};  ///< of a factor that hangs on names
  };

  Combination() = default;
  explicit Combination(TermId term) : parts_{{.term = term, .factor = {1, 1}}} { parts_[0].trials.fill({1, 1}); }

  /// `other`, or with the sign - its negation. Factors of one term become one factor; what adds up to one or zero to
  /// whoever wrote it, is one or zero.
  void add(MergeGraph& graph, char sign, const Combination& other);
  void scale(MergeGraph& graph, const FormulaNumber& k);

  const std::vector<Part>& parts() const { return parts_; }
  /// Of the checkpoints in it.
  Weights weights(const MergeGraph& graph) const;
  /// Whether a factor hangs on names.
  bool varies() const;
  /// Empty where it is neither checkpoint nor delta, whatever the numbers are that hang on names.
  std::optional<TermType> type(const MergeGraph& graph) const;
  /// Makes it a term, without what has the factor zero. Throws Error(usage) where it has no type.
  TermId settle(MergeGraph& graph) const;

 private:
  std::optional<TermType> type_of(const MergeGraph& graph, std::optional<size_t> trial) const;

  std::vector<Part> parts_;
};

}  // namespace ckmerge
