// SPDX-License-Identifier: Apache-2.0
#include "io/table/checkpoint.h"

namespace ckmerge {

uint64_t Checkpoint::file_size() const {
  uint64_t size = 0;
  for (const InputFile& shard : shards) size += shard.size();
  return size;
}

std::vector<FileIdentity> identities(std::span<const Checkpoint> checkpoints) {
  std::vector<FileIdentity> files;
  for (const Checkpoint& checkpoint : checkpoints)
    for (const InputFile& shard : checkpoint.shards) files.push_back(shard.identity());
  return files;
}

}  // namespace ckmerge
