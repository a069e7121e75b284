// SPDX-License-Identifier: Apache-2.0
// An output that is a folder of diffusers: which file each tensor goes into, and the configs that the names tell.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/folders/sharding.h"
#include "core/plan/plan.h"

namespace ckmerge {

/// As diffusers splits where nothing is said.
inline constexpr uint64_t kPipelineShardSize = 10'000'000'000;

/// Lays the plan of a recipe whose layout is diffusers, or whose first checkpoint is a pipeline, out in files of at
/// most `shard_size` bytes of tensors for each component. They are called as those of the pipelines that have it; the
/// variant of the first stays where the names stay, unless it is a dtype and the result's is another. Throws
/// Error(mismatch) where it is not known which component the tensors are.
ShardedFiles split_into_components(Plan& plan, std::span<const Checkpoint> checkpoints, uint64_t shard_size);

/// Throws Error(usage) for a plan of one file that would hold several components in diffusers' layout, which no program
/// reads. Of a single one the file has the bare names.
void expect_one_component(Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& output);

}  // namespace ckmerge
