// SPDX-License-Identifier: Apache-2.0
// The SHA-256 sums of the inputs, for the recipe that goes into the output (recipe.hash).
#pragma once

#include <span>
#include <vector>

#include "core/provenance.h"
#include "core/run.h"
#include "io/checkpoint.h"

namespace ckmerge {

/// One entry per checkpoint. Every file is read once, in order, by one of up to `threads` threads, unless
/// options.hash_cache knows its sum; new sums are kept there. `drop_cache`: see hash_file(). Throws Error(io |
/// malformed | interrupted).
std::vector<InputHash> hash_inputs(std::span<const Checkpoint> checkpoints, const RunOptions& options, unsigned threads,
                                   bool drop_cache);

}  // namespace ckmerge
