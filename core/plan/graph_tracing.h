// SPDX-License-Identifier: Apache-2.0
// A graph of terms, traced into one formula: what is computed for each element, and what of a tensor has to be known
// before.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/formula/beside_operands.h"
#include "core/formula/whole_terms.h"
#include "core/plan/plan.h"
#include "core/recipe/merge_graph.h"
#include "kernels/formula.h"
#include "kernels/method.h"

namespace ckmerge {

class GraphTracing {
 public:
  /// `terms` are those of one of the graph's results, itself the last; `numbers` are those of all terms. With
  /// `only_first` every checkpoint but the first counts as zero, and what adapters add. `adapters`: of each the operand
  /// that it is, or kAbsent, where it changes nothing. Throws Error(usage) where a method refuses its numbers.
  struct Of {
    std::span<const TermId> terms;
    std::span<const double> numbers;
    Dtype compute;
    bool only_first;
    std::span<const uint32_t> adapters = {};
    const WholeOperands* whole = nullptr;    ///< null: there is none
    const BesideOperands* beside = nullptr;  ///< likewise
  };
  static constexpr uint32_t kAbsent = UINT32_MAX;
  GraphTracing(const MergeGraph& graph, const Of& of);

  Symbol result() const { return result_; }

  /// Where adapters add something to the result, last of all: what it is without, and what they add.
  struct Change {
    Symbol base, added;
  };
  const std::optional<Change>& change() const { return change_; }

  /// A method whose coefficients come from statistics: which slots they fill, and what is reduced for them, in which
  /// there may be slots of nodes before it.
  struct Node {
    const Method* method;
    std::vector<double> given;
    uint16_t first_slot;
    std::vector<Reduced> reductions;  ///< by round
    uint16_t first_line = 0, line_count = 0;

    /// Whether an instruction takes what it makes.
    bool fills(const Instruction& i) const {
      return has(i.slot0) || has(i.slot1) ||
             (i.op == Op::line && i.operand >= first_line && i.operand < first_line + line_count);
    }
    Over over() const;

   private:
    bool has(uint16_t slot) const {
      return slot != Instruction::kNoSlot && slot >= first_slot && slot < first_slot + given.size();
    }
  };
  /// In an order that depends on the graph and its numbers alone.
  const std::vector<Node>& nodes() const { return nodes_; }
  size_t slot_count() const { return slot_count_; }
  size_t line_count() const { return line_count_; }

 private:
  Symbol trace(std::span<const TermId> terms);
  Symbol trace(TermId id, bool is_result);
  Symbol trace_sum(const Term& term, bool is_result);
  std::optional<Symbol> trace_whole(TermId id);
  Symbol trace_adapter(const Term& term);
  bool adds_changes(const Term& sum, size_t i) const;
  Coefficient factor(const Term& term, size_t i) const;
  Symbol trace_method(TermId id);
  void take_made(TermId id, std::span<const double> given, Tracing& in);
  size_t take_slots(size_t count);
  uint16_t checked_slot(size_t first) const;

  const MergeGraph& graph_;
  std::span<const double> numbers_;
  const bool only_first_;
  std::span<const uint32_t> adapters_;
  const WholeOperands* const whole_;
  const BesideOperands* const beside_;
  FormulaGraph formula_;
  std::unordered_map<TermId, Symbol> known_;
  std::vector<Node> nodes_;
  std::optional<Change> change_;
  size_t slot_count_ = 0, line_count_ = 0;
  Symbol result_;
};

/// What is at fault where a graph needs too much: its one method, or all of it.
std::string subject_of(const MergeGraph& graph);

/// Throws Error(usage) where `symbol` needs more registers than there are.
Program compiled(const MergeGraph& graph, Symbol symbol);

/// Only what is loaded is opened, populated and read: operand i becomes the i-th checkpoint that is, of `used`, which
/// grows by what it has not.
void number_operands(Program& program, std::vector<uint32_t>& used);

/// The same terms, traced with all checkpoints and with the first alone: their nodes are the same, in one order,
/// because what is traced depends on numbers alone.
struct TracedNodes {
  const GraphTracing& whole;
  const GraphTracing& tail;
};

/// What fills the slots of `program`, over operands as number_operands() has them. Throws Error(usage) where it is too
/// much.
StatisticSet statistic_set(const MergeGraph& graph, const Program& program, const TracedNodes& nodes,
                           std::vector<uint32_t>& used);

}  // namespace ckmerge
