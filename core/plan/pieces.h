// SPDX-License-Identifier: Apache-2.0
// Files that are pieces of a checkpoint, by their names: shards hold some of its tensors, ranks a part of each.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan/partners.h"
#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// `model-00001-of-00003.safetensors`: shard 1 of 3.
struct ShardName {
  std::string_view number, of;  ///< digits as they are written
};

/// What the base name of `path` says, where it is one of several shards.
std::optional<ShardName> shard_name(std::string_view path);

/// Whether both paths differ in the number of a rank alone (`mp_rank_00`, `zero_pp_rank_1`, `tp-rank-0-of-2`, `__0_1`).
bool are_ranks_of_one(std::string_view a, std::string_view b);

struct PieceVerdict {
  std::vector<Error> faults;  ///< mismatch
  std::vector<std::string> warnings;
};

/// A shard fits another only where both hold the same names (`partners` has seen all that are merged), and is only a
/// part of what its reader may take it for. Ranks are warned of: nothing but the path tells.
PieceVerdict judge_pieces(const Recipe& recipe, std::span<const Checkpoint> checkpoints, const Partners& partners);

}  // namespace ckmerge
