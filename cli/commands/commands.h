// SPDX-License-Identifier: Apache-2.0
// The commands. Each refuses what cannot be done, acts, tells its caller the result and throws Error.
#pragma once

#include "cli/commands/merge_request.h"
#include "cli/report/caller.h"

namespace ckmerge::cli {

/// Does what `asked` asks for, with a path in place of every @NAME. REQUIRES: its command is none of cli/shell/.
void perform(const Request& asked, Caller& caller);

/// Whether `command` with these operands is `run --dry-run`: the plan of a recipe file is what that says of it.
bool plans_recipe_file(Command command, const std::vector<std::string>& operands);

void merge_command(MergeRequest request, Caller& caller);
void lora_command(const Request& request, Caller& caller);
void inspect_command(const Request& request, Caller& caller);
void hash_command(const Request& asked, Caller& caller);
void scan_command(const Request& request, Caller& caller);
void list_command(const Request& request, Caller& caller);
void show_command(const Request& request, Caller& caller);
void methods_command(const Request& request, Caller& caller);
void doctor_command(const Request& request, Caller& caller);

/// Opens every path. Throws with all that cannot be used, not only the first (invariant I1).
std::vector<Checkpoint> open_checkpoints(const std::vector<std::string>& paths, Caller& caller,
                                         const OpenOptions& options = {});

}  // namespace ckmerge::cli
