// SPDX-License-Identifier: Apache-2.0
// Tensors that are one under several names, as an embedding and the head that is tied to it: a form that can write
// their bytes once does.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

/// Per step of `indices` the place among them of the one whose bytes are its own too, which has the first name of all
/// that are alike, or OutputTensor::kOwn; empty where none is tied. Steps are tied where they do the same with the same
/// bytes of the same inputs, and nothing that hangs on a name or a statistic.
std::vector<uint32_t> tied_steps(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const Step> steps,
                                 std::span<const uint32_t> indices);

}  // namespace ckmerge
