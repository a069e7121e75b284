// SPDX-License-Identifier: Apache-2.0
// yaml-cpp takes nested collections apart recursively, to a depth of its own; the size
// is bounded here, and aliases cost nothing, since nodes are shared.
#include "io/registry/model_paths.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>

#include "io/text/error.h"
#include "io/text/sentence.h"

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
void add_folders(std::vector<ModelPlace>& folders, const std::string& kind, std::string_view lines,
                 const std::string& base) {
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    if (end > 0) folders.push_back({kind, joined_path(base, std::string(lines.substr(0, end)))});
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

// A section's entries, those of other sections that it merges (`<<: *other`) behind its own, which win.
using Entries = std::vector<std::pair<std::string, YAML::Node>>;
void add_entries(Entries& entries, const YAML::Node& section, const std::string& where, int& looks) {
  constexpr int kMostLooks = 100;
  if (!section.IsMap()) refuse(where, "'<<' leads to no section");
  if (++looks > kMostLooks) refuse(where, sentence("a section merges more than ", kMostLooks, " others"));
  for (const auto& entry : section) {
    std::string key = scalar(entry.first, where, "a key");
    const bool known = std::ranges::any_of(entries, [&](const auto& other) { return other.first == key; });
    if (key != "<<" && !known) entries.emplace_back(std::move(key), entry.second);
  }
  const YAML::Node merged = section["<<"];
  if (!merged) return;
  if (!merged.IsSequence()) return add_entries(entries, merged, where, looks);
  for (const YAML::Node& other : merged) add_entries(entries, other, where, looks);
}

void add_section(std::vector<ModelPlace>& folders, const YAML::Node& section, const std::string& where,
                 const std::string& own_folder, const std::string& home) {
  Entries entries;
  int looks = 0;
  add_entries(entries, section, where, looks);
  std::string base = own_folder;
  for (const auto& [kind, value] : entries)
    if (kind == "base_path") base = joined_path(own_folder, with_home(scalar(value, where, kind), home));
  for (const auto& [kind, value] : entries)
    if (kind != "base_path" && kind != "is_default" && !value.IsNull())
      add_folders(folders, kind, scalar(value, where, kind), base);
}

}  // namespace

std::vector<ModelPlace> parse_model_paths(std::string_view yaml, const std::string& where, const std::string& home) {
  if (yaml.size() > kLargest) refuse(where, "it is too large");
  const std::string own_folder = std::filesystem::path(where).parent_path().string();
  std::vector<ModelPlace> folders;
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
