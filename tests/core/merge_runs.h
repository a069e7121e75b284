// SPDX-License-Identifier: Apache-2.0
// Merging files in one call, and files that are worth merging.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/engine/run.h"
#include "tests/core/checkpoint_files.h"

namespace ckmerge::test {

std::vector<Checkpoint> open_all(const std::vector<std::string>& paths);

RunReport merge(const Recipe& recipe, const std::vector<std::string>& paths, const std::string& target,
                const RunOptions& options = {.sync = false});

/// A mix of what is awkward: every real dtype, odd counts, scalars, empty tensors, integers, tiles that end inside.
std::vector<FileTensor> mixed(uint64_t seed);

Recipe weighted(double alpha);

/// Without names of inputs, so that outputs of other inputs can be the same bytes.
Recipe plain(Recipe recipe);

/// A plain copy, to another dtype where one is given.
Recipe copied(std::optional<Dtype> dtype = {});

/// Merges with every ISA, 1, 2 and 7 threads, tiles of several sizes and a small budget, and CHECKs that all give the
/// same file. Returns it.
std::string merge_every_way(const Recipe& recipe, const std::vector<std::string>& paths, const TempFolder& folder);

}  // namespace ckmerge::test
