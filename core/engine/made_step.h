// SPDX-License-Identifier: Apache-2.0
// Steps whose bytes come from no input: zeros, and positions that are written anew.
#pragma once

#include <cstddef>
#include <span>

#include "core/plan/plan.h"
#include "io/file/byte_range.h"

namespace ckmerge {

/// Fills `out` with the bytes `part` of `step`, where it is such a step; else leaves it alone. True where it did.
bool fill_made_step(const Step& step, std::span<const Checkpoint> checkpoints, ByteRange part, std::byte* out);

}  // namespace ckmerge
