// SPDX-License-Identifier: Apache-2.0
// Operands that methods of a graph want beside their inputs (kernels/made_operand): where they are among checkpoints.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/formula/whole_terms.h"
#include "core/recipe/merge_graph.h"
#include "io/table/checkpoint.h"
#include "kernels/made_operand.h"

namespace ckmerge {

/// A text that says which operand it is: equal where those of two graphs are.
std::string beside_text(const MergeGraph& graph, const Term& term, MadeOperand::Kind kind, size_t input);

class BesideOperands {
 public:
  struct Key {
    TermId term;
    MadeOperand::Kind kind;
    size_t input;

    /// Whether a tensor is sorted for it, which operands of a recipe do in turn: the memory of one is that of all.
    bool takes_turns() const {
      return kind == MadeOperand::Kind::torch_stays || kind == MadeOperand::Kind::torch_stays_ascending ||
             kind == MadeOperand::Kind::torch_variances;
    }
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  BesideOperands() = default;
  /// Of `checkpoints`, those that core/orders/made_orders.h put there.
  BesideOperands(const MergeGraph& graph, std::span<const Checkpoint> checkpoints);

  /// As checkpoint; empty: there is none.
  std::optional<uint32_t> find(TermId term, const MadeOperand& wanted) const;

  /// As checkpoints.
  const std::map<Key, uint32_t>& all() const { return operands_; }

 private:
  std::map<Key, uint32_t> operands_;
};

}  // namespace ckmerge
