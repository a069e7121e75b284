// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/python_text.h"

#include <array>
#include <charconv>

#include "io/text/utf8.h"

namespace ckmerge {
namespace {

// The longest number with two decimals: 309 digits before the decimal point.
using Digits = std::array<char, 320>;

void append_unit(std::string& out, uint32_t unit) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[unit >> shift & 15];
}

void append_code_point(std::string& out, uint32_t code_point) {
  if (code_point < 0x10000) return append_unit(out, code_point);
  append_unit(out, 0xd800 + ((code_point - 0x10000) >> 10));
  append_unit(out, 0xdc00 + ((code_point - 0x10000) & 0x3ff));
}

void append_character(std::string& out, uint32_t c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
  }
  if (c >= ' ' && c <= '~')
    out += static_cast<char>(c);
  else
    append_code_point(out, c);
}

// `digits` without a decimal point, the first worth 10^exponent.
std::string in_fixed_form(std::string digits, int exponent) {
  if (exponent < 0) return "0." + std::string(static_cast<size_t>(-exponent) - 1, '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return digits.append(whole - digits.size(), '0') + ".0";
  return digits.insert(whole, ".");
}

}  // namespace

std::string python_float(double number) {
  Digits buffer;
  const char* const end = std::to_chars(buffer.begin(), buffer.end(), number, std::chars_format::scientific).ptr;
  const std::string_view text(buffer.begin(), end);
  const size_t e = text.find('e'), begin = text[0] == '-';
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
  // Both write at least two digits of an exponent.
  if (exponent < -4 || exponent >= 16) return std::string(text);
  std::string digits(text.substr(begin, e - begin));
  if (digits.size() > 1) digits.erase(1, 1);
  return (begin ? "-" : "") + in_fixed_form(digits, exponent);
}

double python_round2(double number) {
  Digits buffer;
  const char* const end = std::to_chars(buffer.begin(), buffer.end(), number, std::chars_format::fixed, 2).ptr;
  double rounded = number;
  std::from_chars(buffer.begin(), end, rounded);
  return rounded;
}

void append_python_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const Utf8Character character = decode_utf8(text);
    append_character(out, character.size == 0 ? 0xfffd : character.code_point);
    text.remove_prefix(character.size == 0 ? 1 : character.size);
  }
  out += '"';
}

void append_python_json(std::string& out, const JsonValue& value) {
  using Kind = JsonValue::Kind;
  const bool object = value.kind == Kind::object;
  switch (value.kind) {
    case Kind::null: out += "null"; return;
    case Kind::boolean: out += value.boolean ? "true" : "false"; return;
    case Kind::number: out += value.text; return;
    case Kind::string: append_python_string(out, value.text); return;
    case Kind::array:
    case Kind::object: break;
  }
  out += object ? '{' : '[';
  for (size_t i = 0; i < value.items.size(); ++i) {
    if (i > 0) out += ", ";
    if (object) {
      append_python_string(out, value.keys[i]);
      out += ": ";
    }
    append_python_json(out, value.items[i]);
  }
  out += object ? '}' : ']';
}

}  // namespace ckmerge
