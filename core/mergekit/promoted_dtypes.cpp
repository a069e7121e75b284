// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/promoted_dtypes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/recipe/recipe_members.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

bool is_promoted(Dtype dtype) {
  return dtype == Dtype::F16 || dtype == Dtype::BF16 || dtype == Dtype::F32 || dtype == Dtype::F64;
}

Dtype wider(Dtype a, Dtype b) {
  if (a == b) return a;
  return a == Dtype::F64 || b == Dtype::F64 ? Dtype::F64 : Dtype::F32;
}

bool are_of_one_dtype(std::span<const Checkpoint> checkpoints) {
  std::optional<Dtype> one;
  for (const Checkpoint& checkpoint : checkpoints)
    for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
      const Dtype dtype = checkpoint.tensors[i].dtype;
      if (!is_promoted(dtype)) continue;
      if (one && *one != dtype) return false;
      one = dtype;
    }
  return true;
}

std::optional<Dtype> dtype_in(const MergeTrees& trees, const TreeLeaf& leaf, const std::string& rest) {
  std::string name = rest;
  if (leaf.place.is_layer()) {
    const LayerRun* const run = trees.run_of(leaf.input, leaf.place.run);
    if (!run) return std::nullopt;
    name = sentence(run->prefix, ".", leaf.place.layer, ".", rest);
  }
  const TensorTable& tensors = trees.inputs().checkpoints[leaf.input].tensors;
  const size_t row = tensors.find(name);
  if (row == TensorTable::npos || !is_promoted(tensors[row].dtype)) return std::nullopt;
  return tensors[row].dtype;
}

}  // namespace

void set_promoted_dtypes(const MergeTrees& trees, const FlatTrees& flat, const PlaceNames& names, Recipe& recipe) {
  if (are_of_one_dtype(trees.inputs().checkpoints)) return;
  std::set<Dtype> all;
  std::map<Dtype, std::vector<std::string>> wider_ones;  // selectors
  for (const FlatTree& tree : flat.trees)
    for (const std::string& rest : names.rests(tree)) {
      const std::optional<Dtype> first = dtype_in(trees, tree.leaves[0], rest);
      if (!first) continue;
      Dtype promoted = *first;
      for (const TreeLeaf& leaf : tree.leaves)
        promoted = wider(promoted, dtype_in(trees, leaf, rest).value_or(promoted));
      all.insert(promoted);
      if (promoted != *first) wider_ones[promoted].push_back(exact_pattern(tree.place.prefix() + rest));
    }
  if (wider_ones.empty()) return;
  if (all.size() == 1) {
    recipe.dtype = *all.begin();
    return;
  }
  for (const auto& [dtype, selectors] : wider_ones)
    for (const std::string& selector : selectors) recipe.dtype_rules.push_back(selector + "=" + dtype_text(dtype));
}

}  // namespace ckmerge
