// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/place_names.h"

#include <algorithm>
#include <set>

#include "core/mergekit/expert_names.h"
#include "core/mergekit/module_names.h"
#include "io/text/sentence.h"

namespace ckmerge {

PlaceNames::PlaceNames(const MergeTrees& trees) : trees_(trees), others_(trees) {
  std::set<std::string> runs;
  for (const LayerPlace& place : trees.places()) {
    if (!place.module.empty()) modules_.push_back(place.module);
    if (place.is_layer()) runs.insert(place.run);
  }
  runs_.assign(runs.begin(), runs.end());
}

bool PlaceNames::lies_in(std::string_view name, const LayerPlace& place) const {
  if (trees_.inputs().is_flat) return true;
  if (std::ranges::any_of(runs_, [&](const std::string& run) { return name_in_run(name, run).has_value(); }))
    return false;
  const auto module =
      std::ranges::max_element(modules_, {}, [&](const std::string& one) { return module_fit(name, one); });
  const bool is_in_one = module != modules_.end() && module_fit(name, *module) > 0;
  if (is_in_one || !place.module.empty())
    return is_in_one && *module == place.module && place.side == LayerPlace::Side::before;
  return comes_behind_layers(name) == (place.side == LayerPlace::Side::behind);
}

std::vector<std::string> PlaceNames::filtered(const FlatTree& tree, const std::string& rest) const {
  if (tree.place.is_layer()) return {name_in_memory(rest)};
  std::vector<std::string> spellings = other_spellings(rest);
  spellings.insert(spellings.begin(), rest);
  return spellings;
}

std::vector<std::string> PlaceNames::rests(const FlatTree& tree) const {
  std::vector<std::string> rests;
  const bool is_layer = tree.place.is_layer();
  const size_t input = is_layer ? tree.leaves[0].input : 0;
  const TensorTable& tensors = trees_.inputs().checkpoints[input].tensors;
  if (!is_layer) {
    for (size_t i = 0; i < tensors.size(); ++i)
      if (lies_in(tensors.name(i), tree.place)) rests.emplace_back(tensors.name(i));
    return rests;
  }
  const LayerRun* const run = trees_.run_of(input, tree.place.run);
  if (!run) return rests;
  // Names are sorted, and a layer's lie together.
  const std::string prefix = sentence(run->prefix, ".", tree.leaves[0].place.layer, ".");
  size_t first = 0;
  for (size_t count = tensors.size(); count > 0;) {
    const size_t half = count / 2;
    if (tensors.name(first + half) < prefix) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  for (; first < tensors.size() && tensors.name(first).starts_with(prefix); ++first)
    rests.emplace_back(tensors.name(first).substr(prefix.size()));
  return rests;
}

}  // namespace ckmerge
