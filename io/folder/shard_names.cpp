// SPDX-License-Identifier: Apache-2.0
#include "io/folder/shard_names.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "io/folder/model_folder.h"
#include "io/folder/weight_names.h"
#include "io/text/sentence.h"

namespace ckmerge {

std::string name_in_folder(const Checkpoint& checkpoint, const InputFile& shard) {
  std::string name = std::filesystem::path(shard.path()).filename().string();
  if (!checkpoint.folder) return name;
  const auto same = [&](const InputFile& other) { return &other == &shard; };
  const auto index = static_cast<size_t>(std::ranges::find_if(checkpoint.shards, same) - checkpoint.shards.begin());
  for (const ModelFolder::Component& component : checkpoint.folder->components)
    if (index >= component.first_shard && index < component.first_shard + component.shards && !component.name.empty())
      return component.name + "/" + name;
  return name;
}

std::vector<std::string> shards_from(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  const std::optional<WeightName> told = weight_name(name);
  if (!told || told->number != 1 || told->of < 2) return {};
  const size_t digits_end = path.rfind("-of-"), digits_begin = path.find_last_not_of("0123456789", digits_end - 1) + 1;
  std::vector<std::string> paths;
  for (uint64_t number = 1; number <= told->of; ++number) {
    const std::string digits = std::to_string(number);
    std::string shard = path;
    shard.replace(digits_end - digits.size(), digits.size(), digits);
    std::error_code error;
    if (digits.size() > digits_end - digits_begin || !std::filesystem::exists(shard, error)) return {};
    paths.push_back(std::move(shard));
  }
  return paths;
}

std::string index_beside(const std::string& path) {
  const std::filesystem::path file(path);
  const std::string name = file.filename().string();
  const std::optional<WeightName> told = weight_name(name);
  if (!told || told->of == 0) return "";
  const std::string variant = told->variant.empty() ? "" : sentence(".", told->variant);
  const std::string index =
      (file.parent_path() / sentence(told->stem, told->extension, ".index", variant, ".json")).string();
  std::error_code error;
  return std::filesystem::exists(index, error) ? index : "";
}

}  // namespace ckmerge
