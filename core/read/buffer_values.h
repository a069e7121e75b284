// SPDX-License-Identifier: Apache-2.0
// What the values of buffers (core/names/model_buffers.h) say against a merge, which headers cannot.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

/// Where the plan copies position_ids of the first checkpoint that are not 0, 1, 2, ...: a sentence. Reads them. Throws
/// as InputFile::read_at() does.
std::vector<std::string> position_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints);

/// A sentence for each kind of buffer of which tensors are among `differing` (RunReport). Where dtypes differ, values
/// are read and compared as precisely as the coarser dtype is.
std::vector<std::string> difference_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints,
                                             std::span<const uint32_t> differing);

}  // namespace ckmerge
