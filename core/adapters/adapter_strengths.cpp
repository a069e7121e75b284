// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/adapter_strengths.h"

#include <memory>
#include <unordered_map>
#include <utility>

#include "core/blocks/block_selector.h"
#include "core/recipe/weighted_graph.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using ByTensor = std::unordered_map<std::string, double>;

// A number by name, of a graph of its own.
MergeGraph graph_of(const AdapterUse& use, const Checkpoint& first, const std::string& path) {
  MergeGraph graph;
  NumberByName number{.value = use.strength};
  auto blocks = std::make_shared<const BlockMap>(selectable_blocks(first));
  std::vector<std::string> origins;
  for (const AdapterStrength& rule : use.rules) {
    const std::string where = sentence("--lora ", path, ":", rule.selector, "=", number_text(rule.value));
    BlockSelection selection = select_names(rule.selector, {*blocks, first.tensors}, where);
    number.rules.push_back({.pattern = std::move(selection.pattern),
                            .value = rule.value,
                            .blocks = std::move(selection.blocks),
                            .unless = selection.unless,
                            .origin = static_cast<uint32_t>(origins.size())});
    origins.push_back(where);
  }
  graph.number(std::move(number));
  graph.set_blocks(std::move(blocks), std::move(origins));
  return graph;
}

}  // namespace

// Found once, because numbers by name are not for several threads.
StrengthOf strength_of(const AdapterUse& use, const Checkpoint& first, const std::string& path,
                       const std::vector<std::string>& tensors, std::vector<std::string>& warnings) {
  auto strengths = std::make_shared<ByTensor>();
  if (!use.rules.empty()) {
    const MergeGraph graph = graph_of(use, first, path);
    NumbersByName numbers(graph);
    for (const std::string& name : tensors) (*strengths)[name] = numbers.of(name).front();
    for (const uint32_t rule : numbers.unmatched())
      warnings.push_back(sentence(graph.origins()[rule], ": it changes no tensor that this selects"));
  }
  return [strengths = std::shared_ptr<const ByTensor>(std::move(strengths)), all = use.strength](
             std::string_view tensor, const AdapterModule& /*module*/) {
    const auto found = strengths->find(std::string(tensor));
    return found == strengths->end() ? all : found->second;
  };
}

}  // namespace ckmerge
