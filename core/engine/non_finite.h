// SPDX-License-Identifier: Apache-2.0
// A model with NaN or Inf that no input has renders black images: refused unless the recipe allows it.
#pragma once

#include <span>

#include "core/engine/tile_worker.h"
#include "core/plan/plan.h"

namespace ckmerge {

/// Throws Error(mismatch) with a line per tensor where the merge made such values and the recipe does not allow them.
void check_non_finite(const Plan& plan, std::span<const Checkpoint> checkpoints, const StepReport& step_report);

}  // namespace ckmerge
