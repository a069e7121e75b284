// SPDX-License-Identifier: Apache-2.0
// From a graph to the few programs that a plan shares among its tensors.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/plan/graph_tracing.h"
#include "core/plan/plan.h"
#include "core/recipe/merge_graph.h"
#include "kernels/program.h"

namespace ckmerge {

/// What a graph comes down to for one set of operand dtypes.
struct MergeProgram {
  std::vector<uint32_t> operands;   ///< checkpoints that are read; program operand i is the i-th of them
  std::optional<uint16_t> program;  ///< empty: nothing is computed, the only operand is the result
};

class MergePrograms {
 public:
  /// REQUIRES: `graph` outlives this. Throws Error(usage) where a method refuses its numbers, or where the graph needs
  /// more registers than a program has.
  /// Adapter i is the program operand of checkpoint `first_adapter` + i.
  /// `whole_tensors`: the operands that they are; `beside`: those that methods want beside their inputs.
  explicit MergePrograms(const MergeGraph& graph, size_t first_adapter = 0, size_t adapters = 0,
                         WholeOperands whole_tensors = {}, BesideOperands beside = {});

  /// What follows is for the tensor called `name`, which numbers may depend on, and for this one of the graph's
  /// results. Throws as the constructor does.
  void take_name(std::string_view name, size_t result = 0);
  /// Which adapters change the names taken from here on; at first none does.
  void take_adapters(const std::vector<bool>& present) { present_ = present; }
  /// Of a graph with adapters: the result that a tensor is which only the first checkpoint has.
  size_t kept_result() const { return graph_.kept(); }

  /// The checkpoint that is the result taken, where it is one as it was given.
  std::optional<uint32_t> bare_input() const;

  /// The program for a tensor that checkpoint k stores as dtypes[k]. A checkpoint whose term vanished does not count:
  /// neither its values nor its dtype matter.
  const MergeProgram& for_dtypes(std::span<const Dtype> dtypes) { return whole(compute_of(dtypes)); }

  /// The same for elements where every checkpoint but the first counts as zero.
  const MergeProgram& tail_for_dtypes(std::span<const Dtype> dtypes) { return tail(compute_of(dtypes)); }

  /// The program that converts one operand of `dtype`: load and store.
  uint16_t conversion(Dtype dtype);

  /// Throws Error(usage) for a pattern of a graph that no recipe has, which matched no name.
  void expect_matched() const { numbers_.expect_matched(); }
  /// Indices into Recipe::weights of those that selected no name.
  std::vector<uint32_t> unmatched_weights() const { return numbers_.unmatched(); }

  /// Hands programs and statistics over to `plan`.
  void finish(Plan& plan);

 private:
  // A result with its numbers that have rules, and what was made of it so far, computed in F32 and in F64.
  struct Traced {
    std::optional<MergeProgram> whole, tail;
  };
  using ByCompute = std::array<Traced, 2>;
  struct Key {
    size_t result;
    std::vector<bool> adapters;  // that are present
    std::vector<double> numbers;

    friend auto operator<=>(const Key&, const Key&) = default;
  };
  // Where programs and statistics with one hash are.
  using Known = std::unordered_multimap<uint64_t, uint16_t>;

  Dtype compute_of(std::span<const Dtype> dtypes);
  const MergeProgram& whole(Dtype compute);
  const MergeProgram& tail(Dtype compute);
  Traced& current(Dtype compute) { return current_->second[compute == Dtype::F64]; }
  ProgramChange add_change(const GraphTracing& whole, uint16_t statistics, std::vector<uint32_t>& used);
  uint16_t add(Program program, uint16_t statistics = Plan::kNoStatistics, const ProgramChange& change = {});
  uint16_t add(StatisticSet set);

  std::span<const TermId> terms() { return numbers_.terms_of(graph_.results()[current_->first.result]).all; }
  std::vector<uint32_t> adapter_operands() const;
  bool is_current(size_t result) const {
    return current_ && current_->first.result == result && current_->first.adapters == present_;
  }

  const MergeGraph& graph_;
  const size_t first_adapter_;
  const WholeOperands whole_;
  const BesideOperands beside_;
  const bool depends_on_names_;
  NumbersByName numbers_;
  std::vector<Program> programs_;
  std::vector<StatisticSet> statistics_;
  std::vector<uint16_t> program_statistics_;  // per program
  std::vector<ProgramChange> changes_;        // per program
  Known known_programs_, known_statistics_;
  std::map<Key, ByCompute> known_;
  std::pair<const Key, ByCompute>* current_ = nullptr;
  const std::vector<double>* of_name_ = nullptr;  // numbers of the name taken
  std::vector<bool> present_;                     // per adapter
};

}  // namespace ckmerge
