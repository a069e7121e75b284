// SPDX-License-Identifier: Apache-2.0
// `ckmerge mergekit CONFIG.yml OUT` and `ckmerge plan --mergekit CONFIG.yml` (docs/from-mergekit.md).
#pragma once

#include "cli/commands/merge_request.h"
#include "cli/report/caller.h"

namespace ckmerge::cli {

/// The merge that a configuration of mergekit asks for. Opens its models, whose layers it counts. Throws Error(usage)
/// with file, line and column for what is wrong with the configuration, and as opening does.
MergeRequest mergekit_request(const Request& asked, Caller& caller);

/// Merges it, or plans it. What is told is told in this command's words (mergekit_advice.h).
void mergekit_command(const Request& asked, Caller& caller);

}  // namespace ckmerge::cli
