// SPDX-License-Identifier: Apache-2.0
#include "io/folder/folder_config.h"

#include <algorithm>
#include <filesystem>
#include <span>
#include <system_error>

#include "io/file/input_file.h"
#include "io/folder/path_status.h"
#include "io/text/error.h"
#include "io/text/python_json.h"

namespace ckmerge {

namespace {

bool ties_embeddings(const JsonValue& object) {
  for (size_t i = 0; i < object.keys.size(); ++i) {
    const JsonValue& value = object.items[i];
    if (object.keys[i] == "tie_word_embeddings" && value.kind == JsonValue::Kind::boolean) return value.boolean;
  }
  return std::ranges::any_of(object.items, [](const JsonValue& value) {
    return value.kind == JsonValue::Kind::object && ties_embeddings(value);
  });
}

FolderConfig read_config(const std::string& path) try {
  constexpr uint64_t kMaxSize = uint64_t{16} << 20;  // labels of classes are the most of the largest, some 1 MB
  const InputFile file(path);
  if (file.size() > kMaxSize) return FolderConfig();
  std::string text(file.size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  const JsonValue root = parse_python_json(text, {.size = kMaxSize, .depth = 64, .values = size_t{1} << 20});
  FolderConfig config;
  for (size_t i = 0; i < root.keys.size(); ++i) {
    config.of_diffusers |= root.keys[i] == "_class_name";
    if (root.keys[i] == "transformers_weights") config.weights = root.items[i].text;
  }
  config.ties_embeddings = ties_embeddings(root);
  return config;
} catch (const Error& error) {
  if (error.code() == ErrorCode::io) throw;
  return {};
}

}  // namespace

std::optional<FolderConfig> folder_config(const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / "config.json").string();
  if (path_status(path) == PathStatus::nothing) return std::nullopt;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw Error(ErrorCode::io, path, path + ": is no file, and should be the config of the model beside it");
  return read_config(path);
}

}  // namespace ckmerge
