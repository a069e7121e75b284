// SPDX-License-Identifier: Apache-2.0
// What stands against a merge once all names were visited, put into one error (invariant I1).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/blocks/block_map.h"
#include "core/plan/plan.h"
#include "core/plan/selection.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Tensors that cannot be merged.
struct Misfits {
  const std::vector<std::string>& lines;  ///< one a tensor
  std::string cause = {};                 ///< a sentence that is true of all of them, where there is one
};

/// Throws what there is to say, or returns. Patterns are the recipe's, so they come first: Error(usage) where one
/// cannot be understood or an --only matches no name, with whatever else is wrong; a --discard or --exclude that
/// matches none is told beside it. `misfits` are left out where a pattern that cannot be understood
/// might have kept them out, and so are `unread`, a line for each tensor that is needed and cannot be read.
/// `strangers`: the checkpoints have no name in common, and should have. `pieces`: what is said against merging the
/// inputs at all.
void raise_faults(const Selection& selection, std::span<const Checkpoint> checkpoints, const Misfits& misfits,
                  const std::vector<std::string>& unread, bool strangers, const std::vector<Error>& pieces);

/// A sentence for each --discard and --exclude that matches no name: nothing is lost by it.
std::vector<std::string> pattern_warnings(const Selection& selection, std::span<const Checkpoint> checkpoints);

/// Throws for an output without a tensor: Error(mismatch) where no checkpoint has one, else Error(usage), which says
/// what of the recipe left all of them out.
void expect_tensors(const Plan& plan, std::span<const Checkpoint> checkpoints);

/// What is wrong with selectors that select nothing `of` the tensors that count ("that is merged"), as a clause behind
/// their name: the blocks that there are, or of a pattern names that are near, or that the matching ones do not count.
std::string unmatched_clause(std::span<const std::string> selectors, std::string_view of, const BlockMap& blocks,
                             std::span<const Checkpoint> checkpoints);

/// Throws Error(usage) where there are any of `recipe`'s weights that selected no tensor that is merged.
void expect_weights_matched(const Recipe& recipe, std::span<const uint32_t> unmatched,
                            std::span<const Checkpoint> checkpoints);

/// Throws Error(usage) where something is said of the dtype of a part of which the result has no float tensor: nothing
/// may be said of dtypes that is not done.
void expect_part_dtypes(const Plan& plan, std::span<const Checkpoint> checkpoints);

/// Throws Error(usage) for a coefficient that overflows in f32: it would turn every zero of its tensor into NaN.
/// Tensors that run in f64 keep it.
void check_constants(const Plan& plan, std::span<const Checkpoint> checkpoints);

/// Throws Error(mismatch), with a line per tensor, where rows or columns of a tensor have numbers of which others have
/// only the first channels: what a row is then, and how long, is nobody's definition.
void check_lines(const Plan& plan, std::span<const Checkpoint> checkpoints);

/// Lines for tensors that cannot be read and that `selection` does not leave out. Those of the other checkpoints that
/// are merged, the first `merged`, count where the first has their name or the output takes names that it lacks
/// (`adds`).
std::vector<std::string> needed_unread(Selection& selection, std::span<const Checkpoint> checkpoints, size_t merged,
                                       bool adds);

/// Throws Error(mismatch), with a line per tensor, when `plan` stores what its form cannot hold.
void check_form_dtypes(const Plan& plan, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
