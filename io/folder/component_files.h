// SPDX-License-Identifier: Apache-2.0
// The folder of a pipeline as diffusers keeps it: a sub-folder for each component, with its weights in a file there.
// Which files are a component's weights is said here alone, so that whoever opens them needs not care.
#pragma once

#include <string>
#include <vector>

namespace ckmerge {

/// A component's weights.
struct ComponentFiles {
  std::string component;           ///< the sub-folder, "transformer"; empty: the folder is itself a component's
  std::vector<std::string> paths;  ///< its shards, in their order
};

/// What a folder holds, as far as its names tell.
struct FolderContents {
  std::vector<ComponentFiles> components;  ///< by name
  std::vector<std::string> lacking;        ///< components that it is to have, whose weights are not there
  std::vector<std::string> notes;          ///< of files that were not taken, a clause each
};

/// Whether `path` is a folder.
bool is_folder_path(const std::string& path);

/// `path` with the folder's own name at its end, which recipes record: no slash, no dot.
std::string with_folder_name(const std::string& path);

/// Throws Error(io) for a folder that cannot be read or holds no component, and for weights that are a link to nowhere,
/// Error(mismatch) for a component whose weights lie in several shards.
FolderContents component_files(const std::string& folder);

/// The weights' file of a component that is written: "diffusion_pytorch_model.safetensors", or "model.safetensors" of
/// what transformers reads: encoders, the safety checker.
std::string weights_name(const std::string& component);

}  // namespace ckmerge
