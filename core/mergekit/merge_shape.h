// SPDX-License-Identifier: Apache-2.0
// Trees of all places of a result, brought to as few formulas as there are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/mergekit/merge_tree.h"

namespace ckmerge {

/// A tensor of an input that a tree ends in.
struct TreeLeaf {
  uint32_t input = 0;
  LayerPlace place = {};

  friend bool operator==(const TreeLeaf&, const TreeLeaf&) = default;
};

/// A tree without its leaves and numbers: `formula` is asked for with the texts of both.
struct FlatTree {
  LayerPlace place = {};                  ///< of the result
  std::vector<TreeLeaf> leaves = {};      ///< by operand of the formula, each once
  std::vector<PlaceNumber> numbers = {};  ///< in the order of the tree
  MergeTree tree = {};
  std::string shape = {};  ///< equal where operands and flags stand in the same places of the same calls
};

/// The trees of all places. Operands are the inputs where each place has the tensors of its own place of them, else as
/// many as a place needs.
struct FlatTrees {
  std::vector<FlatTree> trees;
  size_t operands = 0;
  bool is_sliced = false;
};

/// Throws Error(usage) as MergeTrees does, and for flags that hang on names.
FlatTrees flat_trees(const MergeTrees& trees);

/// The formula of a tree, in which its numbers have these texts.
std::string formula_of(const FlatTree& tree, const std::vector<std::string>& numbers);

/// Whether it is a number of the tree, and no flag, which is of the formula.
inline bool is_number(const PlaceNumber& number) { return number.kind == MergekitKind::number; }

/// The formula of the call that `tree` ends in alone, over checkpoints A, B, ..., in which its numbers have these
/// texts. REQUIRES: it is a call.
std::string call_of(const MergeTree& tree, const std::vector<std::string>& numbers);

}  // namespace ckmerge
