// SPDX-License-Identifier: Apache-2.0
// What the dtypes of a plan mean for a .ckpt: torch has fewer than safetensors, and old A1111 fewer still.
#pragma once

#include <span>

#include "core/plan/plan.h"

namespace ckmerge {

/// Throws Error(mismatch), with a line per tensor, when `plan` is of a .ckpt and stores what torch cannot hold.
void check_torch_dtypes(const Plan& plan, std::span<const Checkpoint> checkpoints);

/// Adds a warning for a .ckpt that versions of A1111 refuse.
void warn_about_torch_dtypes(Plan& plan);

}  // namespace ckmerge
