// SPDX-License-Identifier: Apache-2.0
// What PEFT's config of an adapter says: adapter_config.json, or the same in a file's metadata as diffusers writes it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/adapters/adapter.h"
#include "core/adapters/names/number_patterns.h"
#include "io/text/json_value.h"

namespace ckmerge {

struct PeftConfig {
  std::string type;                       ///< "LORA"; empty where it says none
  std::string base_model;                 ///< a path or a name of the Hub
  std::string init;                       ///< init_lora_weights, where it is a text: "pissa"
  bool has_kasa = false;                  ///< kasa_config is there
  ModuleNumbers numbers;                  ///< by key; flags are 0 or 1, texts that choose something "KEY=VALUE" are 1
  NumberPatterns ranks, alphas, lambdas;  ///< rank_pattern, alpha_pattern, lambda_pattern (DeLoRA's)
  std::vector<std::string> parameters;    ///< target_parameters
  std::vector<std::string> blocks_of_a;   ///< of BD-LoRA: parts of the names of modules whose lora_A is blocks
  std::vector<std::string> feedforward;   ///< modules whose outputs IA3 scales: ends of names
  std::optional<NamePattern> feedforward_pattern;  ///< or a pattern of whole names
  /// Rows of tokens that were trained; of one module, or of all where the name is empty.
  std::vector<std::pair<std::string, std::vector<uint64_t>>> tokens;
  std::vector<std::string> refusals;  ///< why it cannot be merged, a clause each: "is an activated LoRA, ..."

  double number(std::string_view key, double otherwise) const;
  bool flag(std::string_view key) const { return number(key, 0) != 0; }
  /// Whether IA3 scales the outputs of that module, which is named as the model has it.
  bool is_feedforward(std::string_view module) const;
};

/// Of a JSON object; keys that begin with `prefix` alone count, without it. Throws Error(malformed), one clause, where
/// a field is not what PEFT writes. REQUIRES: root is an object.
PeftConfig read_peft_config(const JsonValue& root, std::string_view prefix = "");

}  // namespace ckmerge
