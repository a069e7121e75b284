// SPDX-License-Identifier: Apache-2.0
// What the files of a checkpoint are called below its folder, and what its shards are called beside each other.
#pragma once

#include <string>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// "unet/diffusion_pytorch_model.safetensors", "model-00001-of-00002.safetensors": `shard` of `checkpoint`, which was
/// opened from a folder; the base name of any other file.
std::string name_in_folder(const Checkpoint& checkpoint, const InputFile& shard);

/// The paths of all shards of the set whose first is `path`, by their numbers; none where it is no first shard, or one
/// of them is not there.
std::vector<std::string> shards_from(const std::string& path);

/// The path of the index that should list `path`, one of several shards; empty where there is none.
std::string index_beside(const std::string& path);

}  // namespace ckmerge
