// SPDX-License-Identifier: Apache-2.0
// Variances that a normalisation keeps. They are merged like other numbers, but none of them can be below zero.
#pragma once

#include <span>

#include "core/plan/plan.h"

namespace ckmerge {

/// Whether `step` computes such: torch's `running_var`, TensorFlow's and Keras's `moving_variance`, paddle's
/// `_variance`, JAX's `var` of `batch_stats`.
bool computes_variance(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step);

}  // namespace ckmerge
