// SPDX-License-Identifier: Apache-2.0
// Terms of a graph that methods of whole tensors make: their values are not traced into programs but made, tensor by
// tensor, before a tile of them is computed (core/matrices), and are one more operand of the program.
#pragma once

#include <cstdint>
#include <optional>
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

/// The operand that a term is of which a method of whole tensors makes the value.
using WholeOperands = std::unordered_map<TermId, uint32_t>;

/// Of all such terms, as checkpoint. Throws Error(usage) where one of them is not among `checkpoints`
/// (core/matrices/made_matrices.h puts it there).
WholeOperands whole_operands(const MergeGraph& graph, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
