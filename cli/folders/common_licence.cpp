// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>

#include "cli/folders/config_files.h"
#include "cli/folders/model_output.h"
#include "io/folder/model_folder.h"
#include "io/text/error.h"
#include "io/text/utf8.h"
#include "io/text/yaml_value.h"

namespace ckmerge::cli {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr auto kFields = std::to_array<std::string_view>({"license", "license_name", "license_link"});

// What stands in front of the text, between two lines of dashes.
std::string front_matter(const std::string& text) {
  constexpr std::string_view kLine = "---\n";
  const size_t end = text.find("\n---", kLine.size());
  return text.starts_with(kLine) && end != text.npos ? text.substr(kLine.size(), end + 1 - kLine.size()) : "";
}

// A card is a text for people: whatever is wrong with one, it says nothing.
Fields licence_in(const std::string& folder) try {
  const std::string path = folder + "/README.md";
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return {};
  const YamlValue card = parse_yaml(front_matter(config_text(path)), path);
  Fields fields;
  for (const std::string_view key : kFields)
    if (const YamlValue* const value = card.find(key);
        value && value->kind == YamlValue::Kind::scalar && is_utf8(value->text))
      fields.emplace_back(key, value->text);
  return fields;
} catch (const Error&) {
  return {};
}

}  // namespace

Fields common_licence(std::span<const Checkpoint> checkpoints) {
  const auto licence_of = [](const Checkpoint& checkpoint) {
    return checkpoint.folder ? licence_in(checkpoint.folder->path) : Fields();
  };
  Fields licence = licence_of(checkpoints[0]);
  const auto has_same = [&](const Checkpoint& checkpoint) { return licence_of(checkpoint) == licence; };
  return std::ranges::all_of(checkpoints.subspan(1), has_same) ? licence : Fields();
}

}  // namespace ckmerge::cli
