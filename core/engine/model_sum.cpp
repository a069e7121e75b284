// SPDX-License-Identifier: Apache-2.0
#include "core/engine/model_sum.h"

#include <utility>
#include <vector>

#include "io/folder/model_folder.h"
#include "io/hash/sum_of_files.h"

namespace ckmerge {
namespace {

std::string name_below(const std::string& folder, const std::string& path) {
  if (!folder.empty() && path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/')
    return path.substr(folder.size() + 1);
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

std::string sum_of_shards(const Checkpoint& checkpoint, std::span<const std::string> sums) {
  const std::string folder = checkpoint.folder ? checkpoint.folder->path : "";
  std::vector<FileSum> files;
  for (size_t i = 0; i < sums.size(); ++i)
    files.push_back({.name = name_below(folder, checkpoint.shards[i].path()), .sha256 = sums[i]});
  return sum_of_files(std::move(files));
}

}  // namespace ckmerge
