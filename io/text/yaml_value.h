// SPDX-License-Identifier: Apache-2.0
// A YAML text as a value whose parts know where they stand. Aliases are written out, keys of `<<` are merged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

struct YamlValue {
  enum class Kind : uint8_t { null, scalar, list, map };

  Kind kind = Kind::null;
  size_t line = 1, column = 1;        ///< of its first character
  std::string text = {};              ///< of a scalar
  std::vector<YamlValue> keys = {};   ///< of a map: scalars, each once
  std::vector<YamlValue> items = {};  ///< of a list; of a map the values, in the order of `keys`

  /// The value of `key`, or null.
  const YamlValue* find(std::string_view key) const;
};

/// Throws Error(usage): "WHERE:LINE:COLUMN: SENTENCE".
[[noreturn]] void refuse_at(const std::string& where, const YamlValue& place, const std::string& what);

/// Parses the one document of `text`, which messages call `where`. Throws Error(usage) with the place of what is wrong:
/// no YAML, a key that is there twice or is no scalar, more than 1 MiB, a depth of more than 64, more than 65536 values
/// with aliases written out.
YamlValue parse_yaml(std::string_view text, const std::string& where);

/// The same of all documents of `text`, in their order; those of nothing but comments are none. At most 1,000.
std::vector<YamlValue> parse_yaml_documents(std::string_view text, const std::string& where);

}  // namespace ckmerge
