// SPDX-License-Identifier: Apache-2.0
// A graph of terms, traced into one formula: what is computed for each element, and what of a tensor has to be known
// before.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/recipe/merge_graph.h"
#include "kernels/formula.h"
#include "kernels/method.h"

namespace ckmerge {

class GraphTracing {
 public:
  /// `numbers` are those of the graph's terms. With `only_first` every checkpoint but the first counts as zero. Throws
  /// Error(usage) where a method refuses its numbers.
  GraphTracing(const MergeGraph& graph, std::span<const double> numbers, Dtype compute, bool only_first);

  Symbol result() const { return result_; }

  /// A method whose coefficients come from statistics: which slots they fill, and what is reduced for them.
  struct Node {
    const Method* method;
    std::vector<double> given;
    uint8_t first_slot;
    struct Reduced {
      Symbol value;
      std::optional<Symbol> factor;
    };
    std::vector<Reduced> reductions;  ///< in the order of the method's
  };
  /// In an order that depends on the graph and its numbers alone.
  const std::vector<Node>& nodes() const { return nodes_; }
  size_t slot_count() const { return slot_count_; }

 private:
  Symbol trace(TermId id);
  Symbol trace_sum(const Term& term);
  Coefficient factor(const Term& term, size_t i) const;
  Symbol trace_method(const Term& term);
  uint8_t take_slots(size_t count);

  const MergeGraph& graph_;
  std::span<const double> numbers_;
  const bool only_first_;
  FormulaGraph formula_;
  std::vector<std::optional<Symbol>> known_;  // per term
  std::vector<Node> nodes_;
  size_t slot_count_ = 0;
  Symbol result_;
};

}  // namespace ckmerge
