// SPDX-License-Identifier: Apache-2.0
// NaN or Inf that no input has is a model that renders black: refused unless the user takes it.
#pragma once

#include <span>

#include "core/plan.h"
#include "core/tile.h"

namespace ckmerge {

/// Throws Error(mismatch) with a line per tensor where the merge made such values and the recipe does not take them.
void check_created(const Plan& plan, std::span<const Checkpoint> checkpoints, const Findings& findings);

}  // namespace ckmerge
