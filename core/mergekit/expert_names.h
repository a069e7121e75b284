// SPDX-License-Identifier: Apache-2.0
// What experts are called in transformers' memory, by whose names mergekit goes.
#pragma once

#include <string>
#include <string_view>

namespace ckmerge {

/// Where the number of an expert stands in what follows a layer's number in a name; of length 0: nowhere.
std::string_view expert_number(std::string_view rest);

/// What follows a layer's number as mergekit has it: mlp.experts.gate_up_proj of block_sparse_moe.experts.3.w1.weight.
std::string name_in_memory(std::string_view rest);

}  // namespace ckmerge
