// SPDX-License-Identifier: Apache-2.0
#include "io/adapter_config.h"

#include <algorithm>
#include <string>

#include "io/table/adapter_rows.h"
#include "io/text/error.h"
#include "io/text/json_value.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

constexpr uint64_t kLargestConfig = 1 << 20;  // bytes; PEFT's own have some two thousand

// A merged model may lie in the same folder.
bool may_be_adapter(const Checkpoint& checkpoint) {
  const size_t slash = checkpoint.path.rfind('/');
  const std::string_view name = std::string_view(checkpoint.path).substr(slash == std::string::npos ? 0 : slash + 1);
  const TensorTable& tensors = checkpoint.tensors;
  if (tensors.size() == 0) return false;
  const auto is_pefts = [](const Tensor& tensor) { return tensor.name.starts_with("base_model."); };
  // Sorted, so that what holds of the first and the last holds of all.
  return name.starts_with("adapter_model.") || (is_pefts(tensors[0]) && is_pefts(tensors[tensors.size() - 1]));
}

std::string peft_type(const std::string& path) try {
  const InputFile file(path);
  if (file.size() > kLargestConfig) return "";
  std::string text(file.size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  const JsonValue root = parse_json(text, {.size = kLargestConfig, .depth = 16, .values = size_t{1} << 16});
  const auto key = std::ranges::find(root.keys, "peft_type");
  if (root.kind != JsonValue::Kind::object || key == root.keys.end()) return "";
  const JsonValue& value = root.items[static_cast<size_t>(key - root.keys.begin())];
  return value.kind == JsonValue::Kind::string ? valid_utf8(value.text.substr(0, 40)) : "";
} catch (const Error&) {
  return "";
}

}  // namespace

void judge_by_adapter_config(Checkpoint& checkpoint) {
  const Judgement& told = checkpoint.judgement;
  if ((told.holds != Holds::weights && told.kind != kUnknownKind) || !may_be_adapter(checkpoint)) return;
  const size_t slash = checkpoint.path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : checkpoint.path.substr(0, slash + 1);
  const std::string type = peft_type(folder + "adapter_config.json");
  if (type.empty()) return;
  checkpoint.judgement = {.holds = Holds::factors,
                          .kind = std::string(kind_of_peft_type(type)),
                          .evidence = "the adapter_config.json beside it says so",
                          .factors = checkpoint.tensors.size()};
}

}  // namespace ckmerge
