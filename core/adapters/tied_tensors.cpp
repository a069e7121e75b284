// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/tied_tensors.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/inputs/tied_heads.h"
#include "io/folder/folder_config.h"
#include "io/folder/model_folder.h"
#include "io/table/tensor_reader.h"

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

bool are_alike(const Checkpoint& checkpoint, uint32_t a, uint32_t b) {
  constexpr uint64_t kReadAtATime = 1 << 20;
  const Tensor one = checkpoint.tensors[a], other = checkpoint.tensors[b];
  if (one.dtype != other.dtype || !std::ranges::equal(one.shape, other.shape)) return false;
  std::vector<std::byte> left(std::min(one.size, kReadAtATime)), right(left.size());
  TensorReader reader;
  for (uint64_t begin = 0; begin < one.size; begin += kReadAtATime) {
    const uint64_t end = std::min(one.size, begin + kReadAtATime);
    reader.read(checkpoint, a, begin, end, left.data());
    reader.read(checkpoint, b, begin, end, right.data());
    if (!std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(end - begin), right.begin())) return false;
  }
  return true;
}

}  // namespace ckmerge
