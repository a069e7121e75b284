// SPDX-License-Identifier: Apache-2.0
// Weights by block and by name, and the blocks of a checkpoint, told to people and programs.
#pragma once

#include <string>

#include "core/blocks/block_map.h"
#include "core/plan/plan.h"
#include "io/table/checkpoint.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// A line for each of the recipe's weights, with how many tensors are merged with it.
std::string weight_lines(const Plan& plan);
void write_weights(JsonWriter& json, const Plan& plan);

/// A line for each of the recipe's rules, with how many tensors it holds for.
std::string rule_lines(const Plan& plan);
void write_rules(JsonWriter& json, const Plan& plan);

/// The blocks of `checkpoint`, as `--weight` of a merge in which it is A knows them.
BlockMap blocks_of(const Checkpoint& checkpoint);

/// A line for each, with its tensors and bytes.
std::string block_lines(const BlockMap& blocks);
void write_blocks(JsonWriter& json, const BlockMap& blocks);

}  // namespace ckmerge::cli
