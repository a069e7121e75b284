// SPDX-License-Identifier: Apache-2.0
// --component: one component of each pipeline that is given, as if its sub-folder had been named.
#pragma once

#include "cli/options/request.h"

namespace ckmerge::cli {

/// `request` with the sub-folder that --component names in place of each word that is a pipeline's folder; others stay.
/// Throws Error(usage) for a pipeline that has no weights of it, and where none is a pipeline. REQUIRES: words are
/// paths.
Request with_component_paths(const Request& asked);

}  // namespace ckmerge::cli
