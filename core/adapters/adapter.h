// SPDX-License-Identifier: Apache-2.0
// An adapter as its file has it: modules with their factors, what it says of their scales, and whole tensors beside
// them. What a module belongs to in a checkpoint is core/adapters/adapter_targets' business, what its factors make of a
// weight that of its kind (core/adapters/adapter_kind).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

struct AdapterKind;

/// Who wrote the file, which decides what a missing scale means and how modules are called.
enum class AdapterMaker : uint8_t { kohya, lycoris, diffusers, peft };
const char* name(AdapterMaker maker);

/// A factor of a module: what the file calls it behind the module's name, and which tensor of the file it is.
struct Factor {
  std::string_view name;  ///< "lora_A.weight", "hada_w1_a", "alpha": a view into the file's table
  uint32_t tensor = 0;    ///< index into Adapter::file's table
};

/// What the file's config or metadata says of one module, besides its scale. Numbers of kinds that have none are
/// absent.
using ModuleNumbers = std::map<std::string, double, std::less<>>;

/// One module of the file.
struct AdapterModule {
  std::string name;                   ///< as the file has it, wrappers and prefixes of the maker included
  const AdapterKind* kind = nullptr;  ///< never null
  std::vector<Factor> factors;        ///< in the order of names
  double scale = 1;                   ///< of the kind's product: alpha/rank and its kin, the strength aside
  ModuleNumbers numbers;              ///< "eps", "init_r", ...: as the config calls them; flags are 0 or 1
  std::string parameter = {};         ///< where the config names it: "model.layers.0.mlp.experts.down_proj"
};

/// A tensor of the file that takes the place of the model's (modules_to_save, whole biases), or of some of its rows.
struct AdapterReplacement {
  std::string name;            ///< of the model's tensor, as the file has it, ".weight" or ".bias" included
  uint32_t tensor = 0;         ///< index into Adapter::file's table
  std::vector<uint64_t> rows;  ///< not empty: it holds these rows, in this order
};

struct Adapter {
  Checkpoint file;
  AdapterMaker maker = AdapterMaker::kohya;
  std::string kind;                     ///< of its modules, for people: "LoRA with DoRA"
  std::string base_model;               ///< what its config says it was made from; empty: nothing
  std::vector<std::string> parameters;  ///< what its config calls target_parameters, sorted
  std::vector<AdapterModule> modules;   ///< by name
  std::vector<AdapterReplacement> replacements;
  std::vector<std::string> ignored;   ///< tensors that a merge has no use for, by name: told to people
  std::vector<std::string> warnings;  ///< one sentence each
};

}  // namespace ckmerge
