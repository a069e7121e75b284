// SPDX-License-Identifier: Apache-2.0
// A sum of products that is being put together, of which it is not known yet whether it becomes a checkpoint, a delta
// or neither.
#pragma once

#include <optional>
#include <vector>

#include "core/recipe/merge_graph.h"
#include "kernels/program.h"

namespace ckmerge {

class Combination {
 public:
  struct Part {
    TermId term = 0;
    Weights factor = {};  ///< the sum of what was given for the term
  };

  Combination() = default;
  explicit Combination(TermId term) : parts_{{term, {1, 1}}} {}

  /// Factors of one term become one factor; what adds up to one or zero to whoever wrote it, is one or zero.
  void add(double k, const Combination& other);
  void scale(double k);

  const std::vector<Part>& parts() const { return parts_; }
  /// Of the checkpoints in it.
  Weights weights(const MergeGraph& graph) const;
  /// Empty where it is neither checkpoint nor delta.
  std::optional<TermType> type(const MergeGraph& graph) const;
  /// Makes it a term, without what has the factor zero. Throws Error(usage) where it has no type.
  TermId settle(MergeGraph& graph) const;

 private:
  std::vector<Part> parts_;
};

}  // namespace ckmerge
