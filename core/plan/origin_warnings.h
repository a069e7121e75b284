// SPDX-License-Identifier: Apache-2.0
// Where tensors come from one input and what the metadata say of them from another.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

/// A sentence for each part that comes whole from another input than the configuration by which it is read, and one
/// where the metadata name another prediction than the marks among the tensors do. Of a plan whose steps are made.
std::vector<std::string> origin_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
