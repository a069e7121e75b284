// SPDX-License-Identifier: Apache-2.0
// Whether the shards of a checkpoint hold what their index says. Loaders hardly look: transformers takes whatever lies
// in the shards, diffusers whatever the index lists, and a checkpoint for which the two differ is two models.
#pragma once

#include <string>
#include <vector>

#include "io/folder/weight_index.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Sorts the tensors of all shards. Throws Error(malformed), with the path of a shard as `where`, for a tensor that two
/// of them have.
void expect_each_tensor_once(Checkpoint& checkpoint);

/// What of `index`, which lies at `path`, is not as the shards have it, a clause each: tensors that it lacks or lists
/// in vain, a wrong sum of sizes, no metadata. Throws Error(malformed) for a tensor that lies in another shard than it
/// says. REQUIRES: the tensors are sorted, under the names that they have in their files.
std::vector<std::string> check_index(const WeightIndex& index, const std::string& path, const Checkpoint& checkpoint);

}  // namespace ckmerge
