// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/filter_warnings.h"

#include <algorithm>
#include <set>

#include "core/mergekit/expert_names.h"
#include "core/names/near_name.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Filters = std::vector<MergekitSetting::Filter>;

// Of all documents, in their order, each text once.
Filters filters_of(const MergekitFile& file) {
  Filters filters;
  std::set<std::string> known;
  const auto add = [&](const MergekitSettings& settings) {
    for (const MergekitSetting& setting : settings)
      for (MergekitSetting::Filter& filter : setting.filters())
        if (known.insert(filter.text).second) filters.push_back(std::move(filter));
  };
  for (const MergekitConfig& document : file.documents) {
    for (const MergekitModule& module : document.modules) {
      for (const MergekitSlice& slice : module.slices) {
        for (const MergekitSource& source : slice.sources) add(source.settings);
        add(slice.settings);
      }
      add(module.settings);
    }
    add(document.settings);
  }
  return filters;
}

// Names of one input.
class InputNames {
 public:
  InputNames(const MergeTrees& trees, size_t input, std::vector<std::string>& names)
      : trees_(trees), input_(input), names_(names) {}

  void add() const {
    const TensorTable& tensors = trees_.inputs().checkpoints[input_].tensors;
    for (size_t i = 0; i < tensors.size(); ++i) names_.emplace_back(tensors.name(i));
    if (trees_.inputs().is_flat) return;
    for (const LayerRun& mine : trees_.runs_of(0))
      if (const LayerRun* const run = trees_.run_of(input_, mine.prefix))
        add_layers(*run, trees_.most_layers(mine.prefix));
  }

 private:
  // As they are called in memory, and in layers that only documents have.
  void add_layers(const LayerRun& run, uint32_t most) const {
    const TensorTable& tensors = trees_.inputs().checkpoints[input_].tensors;
    std::set<std::string> rests;
    for (size_t i = 0; i < tensors.size(); ++i)
      if (const auto name = name_in_run(tensors.name(i), run.prefix)) {
        const std::string rest = name_in_memory(name->rest);
        if (rest != name->rest) names_.push_back(sentence(run.prefix, ".", name->layer, ".", rest));
        rests.insert(rest);
      }
    for (uint32_t layer = run.layers; layer < most; ++layer)
      for (const std::string& rest : rests) names_.push_back(sentence(run.prefix, ".", layer, ".", rest));
  }

  const MergeTrees& trees_;
  const size_t input_;
  std::vector<std::string>& names_;
};

// What filters name mostly: self_attn of model.layers.0.self_attn.q_proj.weight.
std::vector<std::string> components_of(const std::vector<std::string>& names) {
  std::set<std::string> components;
  for (const std::string_view name : names)
    for (size_t begin = 0; begin < name.size();) {
      const size_t end = std::min(name.find('.', begin), name.size());
      components.emplace(name.substr(begin, end - begin));
      begin = end + 1;
    }
  return {components.begin(), components.end()};
}

}  // namespace

std::vector<std::string> filter_warnings(const MergeTrees& trees) {
  std::vector<std::string> warnings, names, components;
  Filters filters = filters_of(trees.inputs().file);
  if (filters.empty()) return warnings;
  for (size_t input = 0; input < trees.inputs().checkpoints.size(); ++input) InputNames(trees, input, names).add();
  std::erase_if(filters, [&](const auto& filter) {
    return std::ranges::any_of(names, [&](const std::string& name) { return name.find(filter.text) != name.npos; });
  });
  if (!filters.empty()) components = components_of(names);
  for (const MergekitSetting::Filter& filter : filters) {
    const bool is_component = filter.text.find('.') == filter.text.npos;
    const std::string near = is_component ? nearest_name(filter.text, components) : "";
    warnings.push_back(sentence(trees.inputs().file.where, ":", filter.place.line, ": the filter '",
                                valid_utf8(filter.text),
                                "' is in the name of no tensor of any model and changes nothing",
                                near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  return warnings;
}

}  // namespace ckmerge
