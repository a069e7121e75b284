// SPDX-License-Identifier: Apache-2.0
// The checkpoints in memory that a call hands over (ckmerge.h, ckmerge_tensors), as the library's inputs.
#pragma once

#include <string>
#include <vector>

#include "cli/capi/ckmerge.h"
#include "io/checkpoint.h"

namespace ckmerge::cli {

/// Throws Error(usage) for tables that are no tables: without a name, with one name twice, with pointers that are
/// missing. What they describe is judged when it is opened.
void check_tables(const ckmerge_call_options& options);

/// The checkpoint that "memory:NAME" names. Throws Error(usage) where no table is called so, else as open_tensors().
/// REQUIRES: check_tables() has nothing against them.
Checkpoint open_table(const ckmerge_call_options& options, const std::string& path, const OpenOptions& how);

}  // namespace ckmerge::cli
