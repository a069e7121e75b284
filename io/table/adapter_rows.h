// SPDX-License-Identifier: Apache-2.0
// How the tensors of each kind of adapter are called, by PEFT, LyCORIS, kohya's scripts and diffusers: one row each.
#pragma once

#include <cstdint>
#include <string_view>

#include "io/table/tensor_table.h"

namespace ckmerge {

/// What a name counts as.
enum class FactorSign : uint8_t {
  factor,      ///< of an adapter and of nothing else
  difference,  ///< of an adapter that holds whole differences, or a plain model's word
  mark,        ///< the file is an adapter, whatever else is in it
};

struct FactorCounts {
  size_t factors = 0, differences = 0, marks = 0;
  size_t bases = 0;               ///< weights that stand beside factors: `x.base_layer.weight`
  size_t of_peft = 0;             ///< names that begin as those of PEFT's adapters
  std::string_view kind = {};     ///< of the most telling; empty where there is none
  std::string_view example = {};  ///< the first name of that kind
};

/// What an adapter is called whose names are PEFT's and whose kind no row knows.
inline constexpr std::string_view kUnknownKind = "PEFT's, of a kind that is not known";

FactorCounts count_factors(const TensorTable& tensors);

/// What PEFT calls `peft_type` in adapter_config.json, as the rows spell it: "LOHA" is "LoHa"; others as they are.
std::string_view kind_of_peft_type(std::string_view peft_type);

}  // namespace ckmerge
