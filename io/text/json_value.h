// SPDX-License-Identifier: Apache-2.0
// A JSON text as a value, for the documents that sit inside metadata. They come from files that strangers made, so
// size, depth and number of values are bounded before memory is spent on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

struct JsonValue {
  enum class Kind : uint8_t { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  bool boolean = false;
  std::string text = {};               ///< string: decoded; number: as it was written, digit for digit
  std::vector<std::string> keys = {};  ///< object: the members' names, each once
  std::vector<JsonValue> items = {};   ///< array: its elements; object: the members' values, in the order of `keys`
};

struct JsonLimits {
  size_t size = size_t{1} << 20;    ///< bytes of text; parsing takes some 15 times as much for a moment
  size_t depth = 32;                ///< of nested arrays and objects
  size_t values = size_t{1} << 16;  ///< of any kind; each takes some 200 bytes
  bool unique_keys = false;         ///< refuse a repeated name; else its last value counts, at the place of its first
};

/// Parses one document, strictly (RFC 8259, numbers within 64 bits, no lone surrogates, no byte-order mark). Throws
/// Error(malformed) with a clause that says what is wrong; whoever knows where the text was adds it.
JsonValue parse_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace ckmerge
