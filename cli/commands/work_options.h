// SPDX-License-Identifier: Apache-2.0
// How work is done, whatever the work: threads, memory, device, cache of hashes, progress.
#pragma once

#include "cli/options/command_line.h"
#include "cli/options/faults.h"
#include "cli/options/progress_kind.h"
#include "cli/system/system.h"
#include "core/engine/run.h"

namespace ckmerge::cli {

/// A misspelt word goes to `faults`.
void read_work_options(const CommandLine& line, const Environment& environment, RunOptions& run, ProgressKind& progress,
                       Faults& faults);

}  // namespace ckmerge::cli
