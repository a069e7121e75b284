// SPDX-License-Identifier: Apache-2.0
#include "io/table/checkpoint.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace ckmerge {

const char* name(UnplacedTensor::Fate fate) {
  constexpr std::array<const char*, 3> kNames{"left_out", "carried", "discarded"};
  return kNames[static_cast<size_t>(fate)];
}

uint64_t Checkpoint::file_size() const {
  uint64_t size = 0;
  for (const InputFile& shard : own_shards()) size += shard.size();
  return size;
}

std::vector<size_t> Checkpoint::rename(const std::function<std::string(std::string_view)>& new_name) {
  std::vector<size_t> repeated = tensors.rename(new_name);
  for (UnreadTensor& tensor : unread) tensor.name = new_name(tensor.name);
  std::erase_if(unread, [](const UnreadTensor& tensor) { return tensor.name.empty(); });
  for (const UnreadTensor& tensor : unread)
    if (const size_t row = tensors.find(tensor.name); row != TensorTable::npos) repeated.push_back(row);
  return repeated;
}

std::span<const Checkpoint> given_checkpoints(std::span<const Checkpoint> checkpoints) {
  while (!checkpoints.empty() && checkpoints.back().made_whole) checkpoints = checkpoints.first(checkpoints.size() - 1);
  return checkpoints;
}

std::vector<FileIdentity> identities(std::span<const Checkpoint> checkpoints) {
  std::vector<FileIdentity> files;
  for (const Checkpoint& checkpoint : checkpoints)
    for (const InputFile& shard : checkpoint.shards) files.push_back(shard.identity());
  return files;
}

}  // namespace ckmerge
