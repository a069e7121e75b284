// SPDX-License-Identifier: Apache-2.0
// The only file that includes yaml-cpp. It takes nested collections apart recursively, to a depth of its own; the size
// is bounded here, and aliases cost nothing, since nodes are shared.
#include "io/model_paths.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>

#include "io/error.h"
#include "io/sentence.h"

namespace ckmerge {
namespace {

constexpr size_t kLargest = 1 << 20;  // bytes; the one that ComfyUI comes with has 2 KB

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::malformed, where, where + ": is no extra_model_paths.yaml: " + why);
}

std::string with_home(const std::string& path, const std::string& home) {
  for (const std::string_view word : {"~", "$HOME", "${HOME}"}) {
    const std::string_view rest = std::string_view(path).substr(std::min(word.size(), path.size()));
    if (!home.empty() && path.starts_with(word) && (rest.empty() || rest[0] == '/')) return sentence(home, rest);
  }
  return path;
}

std::string joined_path(const std::string& base, const std::string& path) {
  std::string out = (std::filesystem::path(base) / path).lexically_normal().string();
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

std::string scalar(const YAML::Node& node, const std::string& where, const std::string& key) {
  if (!node.IsScalar()) refuse(where, "'" + key + "' is not a path");
  return node.Scalar();
}

// A block of lines is several folders.
void add_folders(std::vector<ModelFolder>& folders, const std::string& kind, std::string_view lines,
                 const std::string& base) {
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    if (end > 0) folders.push_back({kind, joined_path(base, std::string(lines.substr(0, end)))});
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

void add_section(std::vector<ModelFolder>& folders, const YAML::Node& section, const std::string& where,
                 const std::string& own_folder, const std::string& home) {
  std::string base = own_folder;
  if (const YAML::Node node = section["base_path"])
    base = joined_path(own_folder, with_home(scalar(node, where, "base_path"), home));
  for (const auto& entry : section) {
    const std::string kind = scalar(entry.first, where, "a key");
    if (kind == "base_path" || kind == "is_default" || entry.second.IsNull()) continue;
    add_folders(folders, kind, scalar(entry.second, where, kind), base);
  }
}

}  // namespace

std::vector<ModelFolder> parse_model_paths(std::string_view yaml, const std::string& where, const std::string& home) {
  if (yaml.size() > kLargest) refuse(where, "it is too large");
  const std::string own_folder = std::filesystem::path(where).parent_path().string();
  std::vector<ModelFolder> folders;
  try {
    const YAML::Node document = YAML::Load(std::string(yaml));
    if (document.IsNull()) return folders;
    if (!document.IsMap()) refuse(where, "it has no sections");
    for (const auto& section : document) {
      if (section.second.IsNull()) continue;
      if (!section.second.IsMap()) refuse(where, "'" + scalar(section.first, where, "a key") + "' is no section");
      add_section(folders, section.second, where, own_folder, home);
    }
  } catch (const YAML::Exception& error) {
    refuse(where, error.what());
  }
  return folders;
}

}  // namespace ckmerge
