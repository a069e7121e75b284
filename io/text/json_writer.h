// SPDX-License-Identifier: Apache-2.0
// Writing JSON: escaping as the reference safetensors writer does it, and a small document builder for reports.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ckmerge {

/// Appends `text` in quotes. Escaped are only ", \ and code points below 0x20 (short forms, else lower-case hex
/// \u00xx); everything else stays as it is. With `terminal_safe`, DEL, C1 controls and bidirectional overrides become
/// \uXXXX too and bytes that are not UTF-8 become U+FFFD: the same string for a JSON parser where the text is UTF-8.
void append_json_string(std::string& out, std::string_view text, bool terminal_safe = false);

/// Builds one document, indented by two spaces. Keys and values alternate inside an object; commas are its business.
/// Strings are written terminal-safe: reports hold names and paths of other people's making.
class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag);
  JsonWriter& value(double number);  ///< shortest text that reads back as the same number; null when not finite
  template <std::integral Integer>
  JsonWriter& value(Integer number) {
    return raw(std::to_string(number));
  }
  JsonWriter& value(std::span<const std::string> texts);               ///< an array of them
  JsonWriter& number(std::string_view digits) { return raw(digits); }  ///< as JSON writes it
  JsonWriter& null() { return raw("null"); }

  const std::string& text() const { return text_; }

 private:
  JsonWriter& raw(std::string_view token);
  void before_item();
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);

  std::string text_;
  std::string open_;   // brackets open now
  bool first_ = true;  // nothing written yet at this depth
  bool after_key_ = false;
};

}  // namespace ckmerge
