// SPDX-License-Identifier: Apache-2.0
// Which files of a folder are its weights: what the loader of its kind would read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/folder/model_folder.h"
#include "io/folder/weight_index.h"

namespace ckmerge {

/// Files that are one checkpoint: one, or shards.
struct WeightSet {
  std::string stem = {}, variant = {}, extension = {};
  std::string index = {};                          ///< by name; empty: none lists them
  std::shared_ptr<const WeightIndex> listed = {};  ///< what the index says
  std::vector<std::string> files = {};             ///< by name, sorted; empty: there are no weights
};

struct FolderWeights {
  WeightSet taken;
  std::vector<std::string> left;   ///< weights and adapters that were not taken, by name
  std::vector<std::string> notes;  ///< of these, a clause each
};

/// By its config.json, or where it has none by how its weights are called: of diffusers, or plain.
FolderKind kind_of_folder(const std::string& folder);

/// Throws Error(io) for a folder that cannot be read, shards that are missing and links to nowhere, Error(malformed)
/// for an index that is none, Error(mismatch) where loaders differ in what they would read and no config tells whose
/// the folder is.
/// `variant` comes before others, and files without one next.
FolderWeights folder_weights(const std::string& folder, FolderKind kind, const std::string& variant = "");

/// The adapter of PEFT that a folder holds, one file; one without files where there is none. Throws Error(io).
WeightSet adapter_in(const std::string& folder);

/// The variants in which a folder has weights that loaders look for, by name; empty the plain ones. Throws Error(io).
std::vector<std::string> variants_in(const std::string& folder);

/// The set of files that `file`, a shard or an index in `folder`, belongs to; one without files where it is by itself.
/// Throws as folder_weights() does.
WeightSet set_of(const std::string& folder, const std::string& file);

}  // namespace ckmerge
