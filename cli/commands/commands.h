// SPDX-License-Identifier: Apache-2.0
// The commands. Each refuses what cannot be done, acts, prints its result to stdout and throws Error.
#pragma once

#include "cli/commands/merge_request.h"

namespace ckmerge::cli {

void merge_command(MergeRequest request);
void inspect_command(const Request& request);
void hash_command(const Request& asked, const Environment& environment);
void scan_command(const Request& request, const Environment& environment);
void list_command(const Request& request, const Environment& environment);
void show_command(const Request& request, const Environment& environment);
void methods_command(const Request& request);
void doctor_command(const Request& request, const Environment& environment);
void completions_command(const Request& request);
void man_command(const Request& request);

/// Opens every path. Throws with all that cannot be used, not only the first (invariant I1).
std::vector<Checkpoint> open_checkpoints(const std::vector<std::string>& paths, const OpenOptions& options = {});

}  // namespace ckmerge::cli
