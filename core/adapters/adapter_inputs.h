// SPDX-License-Identifier: Apache-2.0
// An adapter as an input of a merge: from the opened file to a checkpoint of what it changes in the first one, with the
// strengths of the recipe in it, and a report of what belongs where.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/adapters/adapter.h"
#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// A module of an adapter, and the tensors of the checkpoint that belong to it; or the nearest names, where none does.
struct ReportedModule {
  std::string name;
  std::vector<std::string> tensors = {};
  std::string nearest = {};
};

/// What became of an adapter, for people.
struct AdapterReport {
  std::string path, kind, maker;
  std::string base_model;  ///< what its config says it was made from; empty: nothing
  std::vector<ReportedModule> matched = {}, unmatched = {};
  std::vector<std::string> replaced = {};  ///< tensors of the checkpoint whose place its own take
  std::vector<std::string> ignored = {};   ///< tensors of its file that a merge has no use for
  std::vector<std::string> warnings = {};  ///< one sentence each
  uint64_t rows = 0;                       ///< of embeddings, where its own have more than the checkpoint's; else 0
  uint64_t memory = 0;                     ///< bytes of factors held while it is read
};

/// Throws Error(mismatch) where `file`, given as an adapter, is none, with what to do.
void expect_adapter(const Checkpoint& file);

/// Makes of adapter `i` of `recipe`, which is the opened file, what it changes in `first`, for `threads` that read at
/// once. `merged` are the checkpoints that are merged, `first` the first of them, all with the names that they are
/// planned with. Throws Error(mismatch) for what cannot be merged, modules that belong to nothing
/// (Recipe::allow_unmatched), and where nothing matched; Error(usage) for strengths that select nothing; else as
/// read_adapter().
AdapterReport make_changes(const Recipe& recipe, size_t i, const std::shared_ptr<const Checkpoint>& first,
                           std::span<const Checkpoint> merged, Checkpoint& adapter, unsigned threads);

}  // namespace ckmerge
