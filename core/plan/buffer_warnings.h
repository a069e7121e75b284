// SPDX-License-Identifier: Apache-2.0
// What headers say of buffers (core/names/model_buffers.h) that only some of the checkpoints have, or that have other
// shapes: v-prediction and epsilon models that are mixed.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/names/model_buffers.h"
#include "core/plan/plan.h"

namespace ckmerge {

/// The row of the buffer that `step` stores; null: it stores none.
const BufferRow* buffer_of(std::span<const Checkpoint> checkpoints, const Step& step);

/// A sentence for each mark, and one for all schedules and one for all shapes, of a plan whose steps are made.
std::vector<std::string> buffer_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
