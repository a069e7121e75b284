// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/tied_tensors.h"

#include <algorithm>
#include <string_view>

#include "core/inputs/tied_heads.h"
#include "io/folder/folder_config.h"
#include "io/folder/model_folder.h"

namespace ckmerge {

std::optional<TiedTensors> tied_tensors(const Checkpoint& checkpoint) {
  if (!checkpoint.folder || checkpoint.folder->kind != FolderKind::transformers) return std::nullopt;
  const TensorTable& tensors = checkpoint.tensors;
  const HeadNames names = head_among([&](std::string_view name) { return tensors.find(name) != TensorTable::npos; });
  if (names.head != Head::own) return std::nullopt;
  const TiedTensors found{static_cast<uint32_t>(tensors.find(names.embedding)),
                          static_cast<uint32_t>(tensors.find(names.name))};
  if (!std::ranges::equal(tensors[found.embedding].shape, tensors[found.head].shape)) return std::nullopt;
  const std::optional<FolderConfig> config = folder_config(checkpoint.folder->path);
  return config && config->ties_embeddings ? std::optional(found) : std::nullopt;
}

}  // namespace ckmerge
