// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/adapter_configs.h"

#include <algorithm>

#include "io/adapter_config.h"
#include "io/text/error.h"
#include "io/text/json_members.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::string_view kMetadata = "lora_adapter_metadata";

JsonValue parsed(const std::string& path, const std::string& text) try {
  JsonValue root = parse_json(text);
  if (root.kind != JsonValue::Kind::object) throw Error(ErrorCode::malformed, "", "is no JSON object");
  return root;
} catch (const Error& error) {
  throw Error(ErrorCode::malformed, path, sentence(path, ": its ", kMetadata, ": ", error.what()));
}

}  // namespace

const std::string* metadata_value(const Metadata& metadata, std::string_view key) {
  const auto found = std::ranges::find(metadata, key, &Metadata::value_type::first);
  return found == metadata.end() ? nullptr : &found->second;
}

AdapterConfigs::AdapterConfigs(const Checkpoint& file) : path_(file.path) {
  if (const std::optional<JsonValue> root = adapter_config(file))
    beside_ = read(*root, "", "adapter_config.json");
  else if (const std::string* const text = metadata_value(file.metadata, kMetadata))
    root_ = parsed(path_, *text);
}

PeftConfig AdapterConfigs::read(const JsonValue& root, std::string_view prefix, std::string_view where) const try {
  return read_peft_config(root, prefix);
} catch (const Error& error) {
  throw Error(error.code(), path_,
              sentence(path_, ": ", where, ": ", error.what(), "; it should be what PEFT saved with the adapter"));
}

std::pair<const PeftConfig*, size_t> AdapterConfigs::of(std::string_view module) {
  if (!root_) return {nullptr, 0};
  const size_t dot = module.find('.');
  const std::string component(dot == std::string_view::npos ? "" : module.substr(0, dot + 1));
  for (const std::string& prefix : {component, std::string()}) {
    const auto [place, is_new] = by_prefix_.try_emplace(prefix);
    if (is_new && (find_member(*root_, prefix + "r") || find_member(*root_, prefix + "lora_alpha")))
      place->second = read(*root_, prefix, kMetadata);
    if (place->second) return {&*place->second, prefix.size()};
  }
  return {nullptr, 0};
}

}  // namespace ckmerge
