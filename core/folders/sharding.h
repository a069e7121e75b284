// SPDX-License-Identifier: Apache-2.0
// Which tensors share a file of a folder. They are taken in the order of their names, numbers in them compared as
// numbers, so that a layer's lie together; a file is full when the next tensor would exceed the shard's size. Nothing
// is known of the order in which A's own shards were filled (an index is sorted), so that A's split is not rebuilt.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/folders/folder_file.h"
#include "core/plan/plan.h"

namespace ckmerge {

/// As huggingface_hub splits where nothing is said. transformers has ten times as much, diffusers twice.
inline constexpr uint64_t kShardSize = 5'000'000'000;

/// A component of the folder, of which all names begin with `prefix`.
struct ShardedComponent {
  std::string folder = {};        ///< its sub-folder; empty: the folder itself
  std::string prefix = {};        ///< "unet.", which its files leave out
  std::string stem = "model";     ///< what its files are called: "diffusion_pytorch_model"
  std::string variant = {};       ///< "fp16"
  bool counts_parameters = true;  ///< its index says how many there are, as that of transformers does
};

/// "unet/diffusion_pytorch_model.fp16-00001-of-00003.safetensors" for `number` 1; without a number where `of` is 1.
std::string weights_path(const ShardedComponent& component, size_t number, size_t of);
/// "unet/diffusion_pytorch_model.safetensors.index.fp16.json".
std::string index_path(const ShardedComponent& component);

/// What lists the shards of a component, where it has several.
struct ShardIndex {
  std::string path;  ///< below the folder
  size_t first_file = 0, end_file = 0;
  bool counts_parameters = true;
};

struct ShardedFiles {
  std::vector<FolderFile> files;
  std::vector<ShardIndex> indexes;
};

/// Lays `plan` out in files of at most `shard_size` bytes of tensors, but for a tensor that is larger, which has a file
/// by itself. The first file of each component says how the result was made. REQUIRES: each name begins with one of the
/// prefixes, none of which begins with another.
ShardedFiles shard(Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const ShardedComponent> components,
                   uint64_t shard_size);

/// A size by which shard() makes the files of `checkpoint`, which it has made, again: that of the largest file that has
/// several tensors, since each of these was followed by one that had no room, or is all of its component.
uint64_t shard_size_of(const Checkpoint& checkpoint);

/// The text of an index, as save_pretrained of transformers 5.24 and diffusers 0.42 writes it.
std::string index_text(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const FolderFile> files,
                       const ShardIndex& index);

}  // namespace ckmerge
