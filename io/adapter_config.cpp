// SPDX-License-Identifier: Apache-2.0
#include "io/adapter_config.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include "io/folder/model_folder.h"
#include "io/folder/path_status.h"
#include "io/folder/weight_names.h"
#include "io/table/adapter_rows.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLargestConfig = 1 << 20;  // bytes; PEFT's own have some two thousand

// A merged model may lie in the same folder.
bool may_be_adapter(const Checkpoint& checkpoint) {
  const TensorTable& tensors = checkpoint.tensors;
  if (checkpoint.lies_in_memory() || tensors.size() == 0) return false;
  const auto is_pefts = [](const Tensor& tensor) { return tensor.name.starts_with("base_model."); };
  // Sorted, so that what holds of the first and the last holds of all.
  const bool is_called_so =
      checkpoint.folder ? checkpoint.folder->stem == kAdapterStem : fs::path(checkpoint.path).stem() == kAdapterStem;
  return is_called_so || (is_pefts(tensors[0]) && is_pefts(tensors[tensors.size() - 1]));
}

JsonValue read_config(const std::string& path) try {
  const InputFile file(path);
  if (file.size() > kLargestConfig)
    throw Error(ErrorCode::malformed, path, sentence("has ", file.size(), " bytes, and at most a MiB is read"));
  std::string text(file.size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  JsonValue root = parse_json(text, {.size = kLargestConfig, .depth = 16, .values = size_t{1} << 16});
  if (root.kind != JsonValue::Kind::object) throw Error(ErrorCode::malformed, path, "is no JSON object");
  return root;
} catch (const Error& error) {
  if (error.code() == ErrorCode::io) throw;
  throw Error(error.code(), path,
              sentence(path, ": ", error.what(), "; it should be what PEFT saved with the adapter"));
}

}  // namespace

std::optional<JsonValue> adapter_config(const Checkpoint& checkpoint) {
  if (!may_be_adapter(checkpoint)) return std::nullopt;
  const fs::path folder =
      checkpoint.folder ? fs::path(checkpoint.folder->path) : fs::path(checkpoint.path).parent_path();
  const std::string path = (folder / "adapter_config.json").string();
  if (path_status(path) == PathStatus::nothing) return std::nullopt;
  return read_config(path);
}

void judge_by_adapter_config(Checkpoint& checkpoint) try {
  const Judgement& told = checkpoint.judgement;
  if (told.holds != Holds::weights && told.kind != kUnknownKind) return;
  const std::optional<JsonValue> config = adapter_config(checkpoint);
  if (!config) return;
  const auto key = std::ranges::find(config->keys, "peft_type");
  if (key == config->keys.end()) return;
  const JsonValue& value = config->items[static_cast<size_t>(key - config->keys.begin())];
  if (value.kind != JsonValue::Kind::string || value.text.empty()) return;
  checkpoint.judgement = {.holds = Holds::factors,
                          .kind = std::string(kind_of_peft_type(valid_utf8(value.text.substr(0, 40)))),
                          .evidence = "the adapter_config.json beside it says so",
                          .factors = checkpoint.tensors.size()};
} catch (const Error&) {
  return;  // whoever reads the adapter says what is wrong with it
}

}  // namespace ckmerge
