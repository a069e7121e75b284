// SPDX-License-Identifier: Apache-2.0
// How often a plan reads its inputs, and what for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"
#include "core/recipe/merge_graph.h"

namespace ckmerge {

/// One walk over tensor data.
struct Pass {
  const char* name;                       ///< statistics or merge
  uint64_t tensors = 0;                   ///< of the output
  uint64_t bytes_to_read = 0;             ///< of the inputs
  bool at_most = false;                   ///< some tensors may turn out to need it not, or less of it
  std::vector<std::string> methods = {};  ///< statistics: those that need them, sorted
};

/// In their order; the last one merges. Statistics are a pass of their own where any tensor needs them, and one more
/// where what is reduced hangs on coefficients of others.
std::vector<Pass> passes_of(const Plan& plan, std::span<const Checkpoint> checkpoints);

/// Of several plans over the same checkpoints, which are run together: of all tensors that any of them reads, each
/// once.
uint64_t bytes_to_read_together(std::span<const Plan* const> plans, std::span<const Checkpoint> checkpoints);

/// In place of the tensors that are made which `plan` reads (MadeOfInputs) the tensors of inputs that they are made of,
/// each time: what it reads when every one is made once.
void count_whole_reads(Plan& plan, std::span<const Checkpoint> checkpoints);

/// Bytes that are held while the whole tensors are made that `plan`, of `graph`, reads: the most that one takes, and of
/// each checkpoint of them two results. Of operands that take turns all is in the most that one takes.
uint64_t whole_memory(const Plan& plan, const MergeGraph& graph, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
