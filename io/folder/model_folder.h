// SPDX-License-Identifier: Apache-2.0
// What is known of a folder that was opened as a checkpoint: whose it is, and which of its files were taken.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ckmerge {

enum class FolderKind : uint8_t {
  transformers,  ///< with a config.json of transformers
  diffusers,     ///< of one model of diffusers: a config.json with _class_name
  pipeline,      ///< of diffusers: sub-folders of components
  plain          ///< files without a config
};

struct ModelFolder {
  /// Files that are one checkpoint; of a pipeline one for each component that was read.
  struct Component {
    std::string name = {};     ///< the sub-folder, which stands in front of its names; empty: the folder itself
    std::string stem = {};     ///< "model", "diffusion_pytorch_model", "pytorch_model", "consolidated"
    std::string variant = {};  ///< "fp16", or empty
    std::string index = {};    ///< the file that lists its shards, by name; empty: there is none, or it is not heeded
    uint32_t first_shard = 0, shards = 0;  ///< in Checkpoint::shards
  };

  std::string path = {};  ///< with its own name at the end; of a cache of Hugging Face, the snapshot
  FolderKind kind = FolderKind::plain;
  std::string stem = {};                   ///< of the first component
  std::string variant = {};                ///< that of its components, of which some may have plain files
  std::vector<Component> components = {};  ///< by name; one, but for pipelines
  std::vector<std::string> left = {};      ///< weights and adapters that were not taken, by path below the folder
  std::vector<std::string> lacking = {};   ///< components that a pipeline is to have and holds no weights of
  bool pickled = false;                    ///< its weights are torch's files
};

}  // namespace ckmerge
