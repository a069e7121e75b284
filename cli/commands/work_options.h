// SPDX-License-Identifier: Apache-2.0
// How work is done, whatever the work is: what the settings and the environment come to together.
#pragma once

#include "cli/options/faults.h"
#include "cli/options/settings.h"
#include "cli/system/system.h"

namespace ckmerge::cli {

/// Fills in settings.run: the cache of hashes, which must be one, and the kernels, which must be there.
void complete_run_options(Settings& settings, const Environment& environment, Faults& faults);

}  // namespace ckmerge::cli
