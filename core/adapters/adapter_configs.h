// SPDX-License-Identifier: Apache-2.0
// What configs of PEFT an adapter has: one beside its file, or in the file's metadata one for each component, as
// diffusers writes them.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/adapters/peft_config.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

class AdapterConfigs {
 public:
  /// Throws Error(malformed) with the path for what is not as PEFT or diffusers writes it, Error(io).
  explicit AdapterConfigs(const Checkpoint& file);

  /// adapter_config.json.
  const std::optional<PeftConfig>& beside() const { return beside_; }
  bool in_metadata() const { return root_.has_value(); }

  /// In the metadata, of the component that `module` is of, and how many bytes of the name are the component's; null:
  /// there is none. Throws Error(malformed).
  std::pair<const PeftConfig*, size_t> of(std::string_view module);

 private:
  PeftConfig read(const JsonValue& root, std::string_view prefix, std::string_view where) const;

  std::string path_;
  std::optional<PeftConfig> beside_;
  std::optional<JsonValue> root_;
  std::map<std::string, std::optional<PeftConfig>> by_prefix_;
};

/// The value of that key, or null.
const std::string* metadata_value(const Metadata& metadata, std::string_view key);

}  // namespace ckmerge
