// SPDX-License-Identifier: Apache-2.0
// A checkpoint: a tensor table over one or more mapped shards. Opening reads headers only.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/input_file.h"
#include "io/safetensors_header.h"
#include "io/tensor_table.h"

namespace ckmerge {

struct Checkpoint {
  std::string path;  ///< as the user gave it
  std::vector<InputFile> shards;
  TensorTable tensors;  ///< sorted by name; Tensor::shard indexes `shards`
  Metadata metadata;
  bool has_metadata = false;
  uint64_t header_size = 0;  ///< of the first shard

  uint64_t file_size() const;  ///< bytes of all shards
};

/// Of all their files, so that an output can be told from its inputs.
std::vector<FileIdentity> identities(std::span<const Checkpoint> checkpoints);

/// Opens a .safetensors file. A file that is something else (a Git-LFS pointer, an HTML page, a zip, a pickle, ...) is
/// refused with its real kind. Throws Error with the path in front.
Checkpoint open_checkpoint(const std::string& path);

}  // namespace ckmerge
