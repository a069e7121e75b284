// SPDX-License-Identifier: Apache-2.0
#include "io/text/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "io/text/utf8.h"

namespace ckmerge {
namespace {

void append_escape(std::string& out, uint32_t code_point) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[code_point >> shift & 15];
}

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
  }
  if (static_cast<unsigned char>(c) < 0x20)
    append_escape(out, c);
  else
    out += c;
}

// DEL and C1 drive a terminal; the marks and overrides of bidirectional text make a name read as another.
bool unsafe_on_terminal(uint32_t code_point) {
  constexpr std::pair<uint32_t, uint32_t> kRanges[] = {
      {0x7f, 0x9f}, {0x61c, 0x61c}, {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069}};
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [=](const auto& range) { return code_point >= range.first && code_point <= range.second; });
}

// Appends the sequence at the front of `text` and returns its size in bytes.
size_t append_terminal_safe(std::string& out, std::string_view text) {
  const Utf8Character decoded = decode_utf8(text);
  if (decoded.size == 0) {
    out += "\xef\xbf\xbd";  // U+FFFD for one byte
    return 1;
  }
  if (unsafe_on_terminal(decoded.code_point))
    append_escape(out, decoded.code_point);
  else if (decoded.size == 1)
    append_ascii(out, text[0]);
  else
    out += text.substr(0, decoded.size);
  return decoded.size;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text, bool terminal_safe) {
  out += '"';
  if (terminal_safe)
    for (size_t i = 0; i < text.size();) i += append_terminal_safe(out, text.substr(i));
  else
    for (const char c : text) append_ascii(out, c);
  out += '"';
}

void JsonWriter::before_item() {
  if (!after_key_ && !open_.empty()) {
    if (!first_) text_ += ',';
    text_ += '\n';
    text_.append(2 * open_.size(), ' ');
  }
  after_key_ = false;
  first_ = false;
}

JsonWriter& JsonWriter::raw(std::string_view token) {
  before_item();
  text_ += token;
  return *this;
}

JsonWriter& JsonWriter::open(char bracket) {
  before_item();
  text_ += bracket;
  open_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  open_.pop_back();
  if (!first_) {
    text_ += '\n';
    text_.append(2 * open_.size(), ' ');
  }
  text_ += bracket;
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::begin_object() { return open('{'); }
JsonWriter& JsonWriter::end_object() { return close('}'); }
JsonWriter& JsonWriter::begin_array() { return open('['); }
JsonWriter& JsonWriter::end_array() { return close(']'); }

JsonWriter& JsonWriter::key(std::string_view name) {
  before_item();
  append_json_string(text_, name, /*terminal_safe=*/true);
  text_ += ": ";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  before_item();
  append_json_string(text_, text, /*terminal_safe=*/true);
  return *this;
}

JsonWriter& JsonWriter::value(bool flag) { return raw(flag ? "true" : "false"); }

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return raw(std::string_view(digits.data(), end - digits.data()));
}

JsonWriter& JsonWriter::value(std::span<const std::string> texts) {
  begin_array();
  for (const std::string& text : texts) value(text);
  return end_array();
}

}  // namespace ckmerge
