// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/merge_shape.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "core/formula/sole_call.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Of a model that lies where it is wanted.
bool is_in_place(const TreeLeaf& leaf, const LayerPlace& place) {
  return leaf.place.is_layer() == place.is_layer() && leaf.place.layer == place.layer;
}

void add_parts(const MergeTree& tree, FlatTree& out) {
  if (!tree.method) {
    TreeLeaf leaf{.input = tree.input, .place = tree.place};
    if (std::ranges::find(out.leaves, leaf) == out.leaves.end()) out.leaves.push_back(std::move(leaf));
    return;
  }
  for (const MergeTree& operand : tree.operands) add_parts(operand, out);
  for (const std::vector<PlaceNumber>& numbers : tree.numbers)
    for (const PlaceNumber& number : numbers) {
      if (is_number(number))
        out.numbers.push_back(number);
      else if (!number.is_constant())
        throw Error(ErrorCode::usage, number.name,
                    sentence("'", number.name, "' is one flag for all names; a filter does not turn it on for some"));
    }
}

// Takes the numbers of the call from the one at `next` on.
std::string call_text(const MergeTree& tree, std::vector<std::string> operands, const std::vector<std::string>& numbers,
                      size_t& next) {
  MergekitCall call{
      .operands = std::move(operands), .has_base = tree.has_base, .seed = tree.seed, .likeness = tree.likeness};
  for (const std::vector<PlaceNumber>& of_parameter : tree.numbers) {
    std::vector<std::string>& texts = call.parameters.emplace_back();
    for (const PlaceNumber& number : of_parameter)
      texts.push_back(is_number(number) ? numbers[next++] : number.values[0].number != 0 ? "true" : "false");
  }
  return tree.method->formula(call);
}

std::string text_of(const MergeTree& tree, const FlatTree& flat, const std::vector<std::string>& numbers,
                    size_t& next) {
  if (!tree.method) {
    const TreeLeaf leaf{.input = tree.input, .place = tree.place};
    return place_name(static_cast<size_t>(std::ranges::find(flat.leaves, leaf) - flat.leaves.begin()));
  }
  std::vector<std::string> operands;
  for (const MergeTree& operand : tree.operands) operands.push_back(text_of(operand, flat, numbers, next));
  return call_text(tree, std::move(operands), numbers, next);
}

}  // namespace

std::string formula_of(const FlatTree& tree, const std::vector<std::string>& numbers) {
  size_t next = 0;
  return text_of(tree.tree, tree, numbers, next);
}

std::string call_of(const MergeTree& tree, const std::vector<std::string>& numbers) {
  std::vector<std::string> operands;
  for (size_t k = 0; k < tree.operands.size(); ++k) operands.push_back(place_name(k));
  size_t next = 0;
  return call_text(tree, std::move(operands), numbers, next);
}

FlatTrees flat_trees(const MergeTrees& trees) {
  FlatTrees out;
  for (const LayerPlace& place : trees.places()) {
    FlatTree& flat = out.trees.emplace_back(FlatTree{.place = place, .tree = trees.tree(place)});
    add_parts(flat.tree, flat);
    out.is_sliced |= std::ranges::any_of(flat.leaves, [&](const TreeLeaf& leaf) { return !is_in_place(leaf, place); });
  }
  // Whether the result has as many layers as the first input is seen by whoever makes operands.
  for (const LayerRun& run : trees.runs_of(0)) out.is_sliced |= trees.layers(run.prefix) != run.layers;
  // One that gives its config alone has no place in the formula.
  std::set<uint32_t> used;
  for (const FlatTree& flat : out.trees)
    for (const TreeLeaf& leaf : flat.leaves) used.insert(leaf.input);
  out.is_sliced |= used.size() < trees.inputs().models.size();
  const auto order = [](const TreeLeaf& leaf) { return std::tuple(leaf.input, leaf.place.layer); };
  for (FlatTree& flat : out.trees) {
    std::ranges::stable_sort(flat.leaves, {}, order);
    if (!out.is_sliced) {  // by input, whether it is used here or not
      flat.leaves.clear();
      for (uint32_t input = 0; input < trees.inputs().models.size(); ++input)
        flat.leaves.push_back({.input = input, .place = flat.place});
    }
    out.operands = std::max(out.operands, flat.leaves.size());
    std::vector<std::string> places(flat.numbers.size());
    for (size_t i = 0; i < places.size(); ++i) places[i] = sentence("#", i);
    flat.shape = formula_of(flat, places);
  }
  return out;
}

}  // namespace ckmerge
