// SPDX-License-Identifier: Apache-2.0
#include "core/slices/sliced_inputs.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "core/names/layer_runs.h"
#include "io/checkpoint.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Rows of a table by the layer of a run that they are of, and the others.
struct RowsByLayer {
  std::vector<std::vector<uint32_t>> layers = {};
  std::string prefix = {};
};

class Slicer {
 public:
  Slicer(const Recipe& recipe, const std::vector<Checkpoint>& inputs) : recipe_(recipe), inputs_(inputs) {
    for (const Checkpoint& input : inputs) runs_.push_back(layer_runs(input.tensors));
  }

  // Of the first operand; a layer that none of the operands has of the first checkpoint is of one that there is.
  std::vector<SlicedRun> runs() const {
    std::vector<SlicedRun> runs;
    std::map<std::string, std::map<uint32_t, uint32_t>> of_first;  // by run, layer of the result
    for (const Slices& operand : recipe_.operands) {
      std::map<std::string, uint32_t> next;
      for (const Slice& slice : operand)
        for (uint32_t layer = slice.begin; layer < slice.end; ++layer, ++next[slice.run])
          if (slice.input == 0) of_first[slice.run].emplace(next[slice.run], layer);
    }
    std::map<std::string, size_t> known;
    for (const Slice& slice : recipe_.operands[0]) {
      if (slice.is_empty()) continue;
      const LayerRun& run = run_of(0, slice.run);
      const auto [found, is_new] = known.emplace(slice.run, runs.size());
      if (is_new) runs.push_back({.prefix = run.prefix, .before = run.layers});
      std::vector<uint32_t>& layers = runs[found->second].layers;
      for (uint32_t layer = slice.begin; layer < slice.end; ++layer) {
        const auto own = of_first[slice.run].find(static_cast<uint32_t>(layers.size()));
        layers.push_back(own != of_first[slice.run].end() ? own->second : std::min(layer, run.layers - 1));
      }
    }
    return runs;
  }

  // What the operand of this number is, in the place of the input of the same number.
  Checkpoint operand(size_t k) {
    Checkpoint out;
    first_shards_.assign(inputs_.size(), std::nullopt);
    shards_.clear();
    borrow(static_cast<uint32_t>(k));
    const auto own = static_cast<uint32_t>(shards_.size());
    const Slices& slices = recipe_.operands[k];
    std::map<std::string, uint32_t> next;  // layer of the result, by run as the slices call it
    for (const Slice& slice : slices)
      if (!slice.is_empty()) add_slice(slice, next[slice.run], out.tensors);
    add_others(slices, next, out.tensors);
    out.tensors.sort_by_name();
    out.shards = std::move(shards_);
    out.borrowed = static_cast<uint32_t>(out.shards.size()) - own;
    return out;
  }

 private:
  void borrow(uint32_t input) {
    if (first_shards_[input]) return;
    first_shards_[input] = static_cast<uint32_t>(shards_.size());
    const auto own = inputs_[input].own_shards();
    shards_.insert(shards_.end(), own.begin(), own.end());
  }

  const LayerRun& run_of(uint32_t input, const std::string& prefix) const {
    const std::vector<LayerRun>& runs = runs_[input];
    if (prefix.empty()) {
      if (const LayerRun* const run = language_run(runs)) return *run;
      throw Error(ErrorCode::usage, inputs_[input].path,
                  inputs_[input].path + ": has no layers, of which slices could be made");
    }
    const auto found = std::ranges::find(runs, prefix, &LayerRun::prefix);
    if (found != runs.end()) return *found;
    std::string known;
    for (const LayerRun& run : runs) known += (known.empty() ? "" : ", ") + run.prefix;
    throw Error(ErrorCode::usage, inputs_[input].path,
                sentence(inputs_[input].path, ": has no layers '", prefix, "', of which a slice is; it has ",
                         known.empty() ? "none at all" : known));
  }

  const RowsByLayer& rows_of(uint32_t input, const std::string& run) {
    const auto [found, is_new] = rows_.try_emplace({input, run});
    RowsByLayer& rows = found->second;
    if (!is_new) return rows;
    const LayerRun& layers = run_of(input, run);
    rows.prefix = layers.prefix;
    rows.layers.resize(layers.layers);
    const TensorTable& tensors = inputs_[input].tensors;
    for (uint32_t i = 0; i < tensors.size(); ++i)
      if (const auto name = name_in_run(tensors.name(i), layers.prefix)) rows.layers[name->layer].push_back(i);
    return rows;
  }

  void add_slice(const Slice& slice, uint32_t& next, TensorTable& out) {
    const RowsByLayer& rows = rows_of(slice.input, slice.run);
    const std::string& path = inputs_[slice.input].path;
    if (slice.end > rows.layers.size())
      throw Error(ErrorCode::usage, path,
                  sentence(path, ": has ", counted(rows.layers.size(), "layer"), " (", rows.prefix,
                           "), but a slice is of ", slice.begin, " to ", slice.end - 1));
    const std::string prefix = run_of(0, slice.run).prefix + ".";
    borrow(slice.input);
    for (uint32_t layer = slice.begin; layer < slice.end; ++layer, ++next)
      for (const uint32_t row : rows.layers[layer]) {
        const TensorTable& from = inputs_[slice.input].tensors;
        const std::string_view rest = name_in_run(from.name(row), rows.prefix)->rest;
        out.add_again(sentence(prefix, next, ".", rest), from, row, *first_shards_[slice.input]);
      }
  }

  // What lies in none of the runs of which there are slices.
  void add_others(const Slices& slices, const std::map<std::string, uint32_t>& sliced, TensorTable& out) {
    const uint32_t before = slices.front().input, behind = slices.back().input;
    for (const uint32_t input : {before, behind}) {
      std::vector<std::string> prefixes;
      for (const auto& [run, layers] : sliced) prefixes.push_back(run_of(input, run).prefix);
      borrow(input);
      const TensorTable& from = inputs_[input].tensors;
      for (size_t i = 0; i < from.size(); ++i) {
        const std::string_view name = from.name(i);
        if (before != behind && comes_behind_layers(name) != (input == behind)) continue;
        if (std::ranges::none_of(prefixes, [&](const auto& prefix) { return name_in_run(name, prefix).has_value(); }))
          out.add_again(name, from, i, *first_shards_[input]);
      }
      if (before == behind) return;
    }
  }

  const Recipe& recipe_;
  const std::vector<Checkpoint>& inputs_;
  std::vector<std::vector<LayerRun>> runs_;
  std::map<std::pair<uint32_t, std::string>, RowsByLayer> rows_;
  // Of the operand at hand.
  std::vector<InputFile> shards_;
  std::vector<std::optional<uint32_t>> first_shards_;
};

}  // namespace

std::vector<SlicedRun> slice_inputs(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  if (recipe.operands.empty()) return {};
  Slicer slicer(recipe, checkpoints);
  std::vector<SlicedRun> runs = slicer.runs();
  std::vector<Checkpoint> operands;
  for (size_t k = 0; k < recipe.operands.size(); ++k) operands.push_back(slicer.operand(k));
  for (size_t k = 0; k < given_inputs(recipe, checkpoints.size()); ++k) {
    Checkpoint& place = checkpoints[k];
    const bool is_operand = k < operands.size();
    place.tensors = is_operand ? std::move(operands[k].tensors) : TensorTable();
    if (!is_operand) continue;
    place.shards = std::move(operands[k].shards);
    place.borrowed = operands[k].borrowed;
    share_names(std::span(checkpoints).first(k + 1));
  }
  return runs;
}

}  // namespace ckmerge
