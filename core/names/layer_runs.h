// SPDX-License-Identifier: Apache-2.0
// Runs of layers: modules that are numbered under one prefix, found by names alone, so that architectures need no list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/table/tensor_table.h"

namespace ckmerge {

struct LayerRun {
  std::string prefix;    ///< "model.layers": names of its layers begin with PREFIX.N.
  uint32_t layers = 0;   ///< one more than the highest number
  uint64_t tensors = 0;  ///< in all of them
};

/// Where a name lies in a run.
struct LayerName {
  uint32_t layer = 0;
  std::string_view rest;  ///< what follows PREFIX.N.
};

/// The runs of `tensors`, in the order of their names. The first number in a name is that of its layer: experts within
/// a layer are no run, and neither is what has no 0, 1, 2, ... to its end, as steps of a small network with activations
/// between them. A number above 2^20 is none of a layer. Linear.
std::vector<LayerRun> layer_runs(const TensorTable& tensors);

/// The one that is the language model's: what sees pictures or hears sound is not, of encoder and decoder it is the
/// decoder, else the one with most tensors. Null where there is no run. The result points into `runs`.
const LayerRun* language_run(const std::vector<LayerRun>& runs);

/// Empty where `name` lies in no layer of the run with `prefix`.
std::optional<LayerName> name_in_run(std::string_view name, std::string_view prefix);

/// Whether a tensor outside of the layers comes behind them: the last norm, heads. Others come before: embeddings, what
/// belongs to other towers.
bool comes_behind_layers(std::string_view name);

}  // namespace ckmerge
