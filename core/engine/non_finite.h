// SPDX-License-Identifier: Apache-2.0
// NaN or Inf that no input has is a model that renders black: refused unless the user takes it.
#pragma once

#include <span>

#include "core/engine/tile_worker.h"
#include "core/plan/plan.h"

namespace ckmerge {

/// Throws Error(mismatch) with a line per tensor where the merge made such values and the recipe does not take them.
void check_non_finite(const Plan& plan, std::span<const Checkpoint> checkpoints, const StepReport& step_report);

}  // namespace ckmerge
