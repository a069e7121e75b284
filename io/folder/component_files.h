// SPDX-License-Identifier: Apache-2.0
// Of which components a folder consists: of a model it is the folder itself, of a pipeline, as diffusers keeps it, each
// sub-folder. Which files are their weights is io/folder/weight_set's to say.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/folder/model_folder.h"
#include "io/folder/weight_set.h"

namespace ckmerge {

/// A component's weights.
struct ComponentFiles {
  std::string component;           ///< the sub-folder, "transformer"; empty: the folder is itself a component's
  WeightSet set;                   ///< by name in that folder
  std::vector<std::string> paths;  ///< its shards, in their order
};

/// What a folder holds, as far as its names tell.
struct FolderContents {
  FolderKind kind = FolderKind::plain;
  std::vector<ComponentFiles> components;  ///< by name
  std::vector<std::string> lacking;        ///< components that it is to have, whose weights are not there
  std::vector<std::string> left;           ///< weights and adapters that were not taken, by path below the folder
  std::vector<std::string> notes;          ///< of these, a clause each
};

/// Whether `path` is a folder. Throws Error(io) where the system cannot say.
bool is_folder_path(const std::string& path);

/// `path` with the folder's own name at its end, which recipes record: no slash, no dot.
std::string with_folder_name(const std::string& path);

/// Throws Error(io) for a folder that cannot be read or holds no component, and as folder_weights() does.
FolderContents component_files(const std::string& folder);

/// The same of the set of shards of which `path`, a file, is the index or one of them, where all are there; none where
/// it is a file by itself. Throws as folder_weights() does.
std::optional<FolderContents> contents_with(const std::string& path);

struct WeightsFile {
  std::string name;  ///< by its path below the folder
  std::string path;
};

/// What is read where `path` is given as a checkpoint, a folder or a file.
std::vector<WeightsFile> weights_files(const std::string& path);

/// The weights' file of a component that is written: "diffusion_pytorch_model.safetensors", or "model.safetensors" of
/// what transformers reads: encoders, the safety checker.
std::string weights_name(const std::string& component);

}  // namespace ckmerge
