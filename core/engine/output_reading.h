// SPDX-License-Identifier: Apache-2.0
// What a stranger sees in the output before it is put in place (--verify): it is opened as any input is, and its
// tensors are looked for where the plan has put them.
#pragma once

#include <span>
#include <string>

#include "core/plan/plan.h"
#include "io/file/output_file.h"

namespace ckmerge {

/// Throws Error(difference) where the ordinary reader refuses `output`, which is `planned` and will be `target`, or
/// finds other names, dtypes, shapes or places; Error(io | resources).
void check_readable(const OutputFile& output, const std::string& target, const Plan& plan, const PlannedFile& planned,
                    std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
