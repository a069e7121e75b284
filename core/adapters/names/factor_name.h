// SPDX-License-Identifier: Apache-2.0
// What the name of a tensor in an adapter's file says: which module it is a factor of, which of its factors, and of
// what kind. Names are those of PEFT 0.21, LyCORIS 4.1, diffusers 0.42 and kohya's scripts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ckmerge {

enum class FactorRole : uint8_t {
  of_module,  ///< it is one, and there is nothing else to say
  alpha,      ///< what scales the module, in kohya's and LyCORIS's files
  replaced,   ///< of a kind that holds whole weights: FactorName::name is what they are called in the module
  tokens,     ///< whole rows of the module's weight
  unused,     ///< no merge needs it
  refused,    ///< of a kind that cannot be merged: FactorName::kind is its reason
};

struct FactorName {
  FactorRole role = FactorRole::of_module;
  std::string module;          ///< as the file has it; "base_model" where all modules share it
  std::string_view name;       ///< the same for all spellings: "lora_A", "hada_w1_a"; of the file's name or static
  std::string_view kind = {};  ///< as find_adapter_kind() takes it; of `alpha` empty, of `refused` why
  unsigned rank = 0;           ///< which kind a module is of that has factors of several: the highest
};

/// None where the name is no factor's: a whole tensor, or of no kind that is known. The view is of `name`, or static.
std::optional<FactorName> factor_name(std::string_view name);

/// Whether all modules of the file share a factor of that module.
bool is_shared(std::string_view module);

}  // namespace ckmerge
