// SPDX-License-Identifier: Apache-2.0
// What stands against a merge once all names were visited, put into one error (invariant I1).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/plan/selection.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Throws what there is to say, or returns. Patterns are the recipe's, so they come first: Error(usage) where one
/// cannot be understood or matches no name, with whatever else is wrong. `misfits`, a line per tensor, are left out
/// where a pattern that cannot be understood might have kept them out; so are `unread`, a line for each tensor that is
/// needed and cannot be read. `strangers`: the checkpoints have no name in common, and should have.
void raise_faults(const Selection& selection, std::span<const Checkpoint> checkpoints,
                  const std::vector<std::string>& misfits, const std::vector<std::string>& unread, bool strangers);

/// Lines for tensors that cannot be read and that `selection` does not leave out. Those of the other checkpoints that
/// are merged, the first `merged`, count where the first has their name or the output takes names that it lacks
/// (`adds`).
std::vector<std::string> needed_unread(Selection& selection, std::span<const Checkpoint> checkpoints, size_t merged,
                                       bool adds);

}  // namespace ckmerge
