// SPDX-License-Identifier: Apache-2.0
// The tensors of an adapter's file, sorted by what they are: factors by module, whole tensors, what no merge needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/adapters/adapter.h"
#include "core/adapters/names/factor_name.h"

namespace ckmerge {

/// The factors of one module that are of one kind.
struct FactorGroup {
  std::string module;
  std::string kind;  ///< "LoRA with DoRA"; empty: no factor tells one
  std::vector<Factor> factors;
  std::optional<uint32_t> alpha;  ///< a tensor of the file
};

struct AdapterGroups {
  std::vector<FactorGroup> modules;              ///< by name
  std::vector<AdapterReplacement> replacements;  ///< without the rows of tokens
  std::vector<uint32_t> tokens;                  ///< of replacements, those that hold rows
  /// Tensors of the file that are in the model's place of another one, of `replacements`, and that one.
  std::vector<std::pair<uint32_t, uint32_t>> again;
  std::string shared;  ///< the kind whose factors all modules share; empty: there is none
  std::vector<std::string> ignored;
  std::vector<std::string> strange;   ///< names that are of nothing that is known
  std::vector<std::string> refusals;  ///< a line each: why a tensor's kind cannot be merged
};

/// `of_peft`: what is no factor is a whole tensor that was saved with them; so is what is called like one that no
/// adapter of this `peft_type` has. Empty: nothing tells the type.
AdapterGroups group_factors(const TensorTable& tensors, bool of_peft, const std::string& peft_type);

}  // namespace ckmerge
