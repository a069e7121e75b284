// SPDX-License-Identifier: Apache-2.0
// The commands. Each checks what its words say, acts, prints its result to stdout and throws Error.
#pragma once

#include "cli/commands/merge_request.h"

namespace ckmerge::cli {

void merge_command(MergeRequest request);
void inspect_command(const CommandLine& line);
void methods_command(const CommandLine& line);
void hash_command(const CommandLine& line, const Environment& environment);
void scan_command(const CommandLine& line, const Environment& environment);
void list_command(const CommandLine& line, const Environment& environment);
void show_command(const CommandLine& line, const Environment& environment);
void doctor_command(const CommandLine& line, const Environment& environment);
void completions_command(const CommandLine& line);
void man_command(const CommandLine& line);

/// Opens every path. Throws with all that cannot be used, not only the first (invariant I1).
std::vector<Checkpoint> open_checkpoints(const std::vector<std::string>& paths, const OpenOptions& options = {});

}  // namespace ckmerge::cli
