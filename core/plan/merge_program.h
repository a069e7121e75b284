// SPDX-License-Identifier: Apache-2.0
// From a graph to the few programs that a plan shares among its tensors.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

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
  explicit MergePrograms(const MergeGraph& graph);

  /// What follows is for the tensor called `name`, which numbers may depend on. Throws as the constructor does.
  void take_name(std::string_view name);

  /// The program for a tensor that checkpoint k stores as dtypes[k]. A checkpoint whose term vanished does not count:
  /// neither its values nor its dtype matter.
  const MergeProgram& for_dtypes(std::span<const Dtype> dtypes) const { return of(dtypes).whole; }

  /// The same for elements where every checkpoint but the first counts as zero.
  const MergeProgram& tail_for_dtypes(std::span<const Dtype> dtypes) const { return of(dtypes).tail; }

  /// The program that converts one operand of `dtype`: load and store.
  uint16_t conversion(Dtype dtype);

  /// Throws Error(usage) for a rule of the graph's numbers that matched no name.
  void expect_matched() const { numbers_.expect_matched(); }

  /// Hands programs and statistics over to `plan`.
  void finish(Plan& plan);

 private:
  struct Pair {
    MergeProgram whole, tail;
  };
  struct ByCompute {
    Pair in_f32, in_f64;
  };
  const Pair& of(std::span<const Dtype> dtypes) const;
  const ByCompute& of_numbers(const std::vector<double>& numbers);
  Pair trace(std::span<const double> numbers, Dtype compute);
  uint16_t add(Program program, uint16_t statistics = Plan::kNoStatistics);
  uint16_t add(StatisticSet set);

  const MergeGraph& graph_;
  NumbersByName numbers_;
  std::vector<Program> programs_;
  std::vector<StatisticSet> statistics_;
  std::vector<uint16_t> program_statistics_;  // per program
  std::map<std::vector<double>, ByCompute> known_;
  const ByCompute* current_ = nullptr;
};

}  // namespace ckmerge
