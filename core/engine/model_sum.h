// SPDX-License-Identifier: Apache-2.0
// The SHA-256 that a checkpoint is known by, whatever the number of its files.
#pragma once

#include <span>
#include <string>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Of the shards of `checkpoint`, whose own sums are `sums`, in their order: as io/hash/sum_of_files has it, by their
/// paths below its folder.
std::string sum_of_shards(const Checkpoint& checkpoint, std::span<const std::string> sums);

}  // namespace ckmerge
