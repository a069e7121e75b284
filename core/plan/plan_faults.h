// SPDX-License-Identifier: Apache-2.0
// What stands against a merge once all names were visited, put into one error (invariant I1).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"
#include "core/plan/selection.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Throws what there is to say, or returns. Patterns are the recipe's, so they come first: Error(usage) where one
/// cannot be understood or an --only matches no name, with whatever else is wrong; a --discard or --exclude that
/// matches none is told beside it. `misfits`, a line per tensor, are left out where a pattern that cannot be understood
/// might have kept them out, and so are `unread`, a line for each tensor that is needed and cannot be read.
/// `strangers`: the checkpoints have no name in common, and should have. `pieces`: what is said against merging the
/// inputs at all.
void raise_faults(const Selection& selection, std::span<const Checkpoint> checkpoints,
                  const std::vector<std::string>& misfits, const std::vector<std::string>& unread, bool strangers,
                  const std::vector<Error>& pieces);

/// A sentence for each --discard and --exclude that matches no name: nothing is lost by it.
std::vector<std::string> pattern_warnings(const Selection& selection, std::span<const Checkpoint> checkpoints);

/// Throws for an output without a tensor: Error(mismatch) where no checkpoint has one, else Error(usage), which says
/// what of the recipe left all of them out.
void expect_tensors(const Plan& plan, std::span<const Checkpoint> checkpoints);
/// Lines for tensors that cannot be read and that `selection` does not leave out. Those of the other checkpoints that
/// are merged, the first `merged`, count where the first has their name or the output takes names that it lacks
/// (`adds`).
std::vector<std::string> needed_unread(Selection& selection, std::span<const Checkpoint> checkpoints, size_t merged,
                                       bool adds);

}  // namespace ckmerge
