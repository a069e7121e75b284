// SPDX-License-Identifier: Apache-2.0
// Terms of a graph that methods of whole tensors make: their values are not traced into programs but made, tensor by
// tensor, before a tile of them is computed (core/matrices), and are one more operand of the program.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/recipe/merge_graph.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// What such a term is made of: a checkpoint as it was given, or what it has beyond another.
struct WholeInput {
  uint32_t input = 0;
  std::optional<uint32_t> beyond = {};
};

bool is_whole_term(const Term& term);

/// Whether its operands are such.
bool has_whole_inputs(const MergeGraph& graph, const Term& term);

/// Throws Error(usage) for operands that are neither.
std::vector<WholeInput> whole_inputs(const MergeGraph& graph, const Term& term);

/// A text that says what the term is, numbers included: equal where terms of two graphs are equal.
std::string whole_text(const MergeGraph& graph, const Term& term);

/// Tensors of finite inputs that came out with NaN or Inf, by index. Thread-safe.
class BeyondRange {
 public:
  void add(uint32_t tensor);
  bool contains(uint32_t tensor) const;

 private:
  mutable std::mutex mutex_;
  std::set<uint32_t> tensors_;
};

/// What is known of a checkpoint that is made of others, as all of them are: which tensors are read for it.
struct MadeOfInputs : MadeWhole {
  /// Checkpoints whose tensor of the same name is read when one is made; one that is read twice is here twice.
  std::vector<uint32_t> read = {};
  std::shared_ptr<const BeyondRange> beyond_range = {};  ///< of those that were made so far; null: nothing can be
};

/// REQUIRES: checkpoint.made_whole.
const MadeOfInputs& making_of(const Checkpoint& checkpoint);

/// Checkpoints that are read for `inputs`, in their order.
std::vector<uint32_t> read_for(std::span<const WholeInput> inputs);

/// Of a tensor of `checkpoints`: its bytes, or those that are read to make it.
uint64_t bytes_read_for(std::span<const Checkpoint> checkpoints, uint32_t checkpoint, uint32_t tensor);

/// The operand that a term is of which a method of whole tensors makes the value.
using WholeOperands = std::unordered_map<TermId, uint32_t>;

/// Of all such terms, as checkpoint. Throws Error(usage) where one of them is not among `checkpoints`
/// (core/matrices/made_matrices.h puts it there).
WholeOperands whole_operands(const MergeGraph& graph, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
