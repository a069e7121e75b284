// SPDX-License-Identifier: Apache-2.0
// The parser knows no such words, no numbers beyond those of a machine and no halves of UTF-16's pairs, so they go
// through it as strings behind marks that no config has.
#include "io/text/python_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include "io/text/json_text.h"

namespace ckmerge {
namespace {

constexpr auto kWords = std::to_array<std::string_view>({"NaN", "Infinity", "-Infinity"});
constexpr std::string_view kMark = "\x1f python number ";
constexpr std::string_view kMarkedHalf = "\\u001f python half ";  // as it stands in a text; digits follow
constexpr size_t kDigits = 4;                                     // of an escape

// The end of the string that begins at `begin`.
size_t string_end(std::string_view text, size_t begin) {
  size_t end = begin + 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size());
}

// The code unit of the escape at the front of `rest`; none where there is no such escape.
std::optional<uint32_t> unit_in(std::string_view rest) {
  uint32_t unit = 0;
  if (!rest.starts_with("\\u") || rest.size() < 2 + kDigits) return std::nullopt;
  const char* const begin = rest.data() + 2;
  const auto read = std::from_chars(begin, begin + kDigits, unit, 16);
  return read.ec == std::errc() && read.ptr == begin + kDigits ? std::optional(unit) : std::nullopt;
}

bool is_high(std::optional<uint32_t> unit) { return unit && *unit >= 0xd800 && *unit < 0xdc00; }
bool is_low(std::optional<uint32_t> unit) { return unit && *unit >= 0xdc00 && *unit < 0xe000; }

void append_with_marked_halves(std::string& out, std::string_view string) {
  for (size_t i = 0; i < string.size();) {
    const std::optional<uint32_t> unit = unit_in(string.substr(i));
    const bool is_pair = is_high(unit) && is_low(unit_in(string.substr(i + 2 + kDigits)));
    size_t size = string[i] == '\\' ? 2 : 1;
    if (is_pair) size = 2 * (2 + kDigits);
    if (!is_pair && (is_high(unit) || is_low(unit))) {
      size = 2 + kDigits;
      out.append(kMarkedHalf).append(string.substr(i + 2, kDigits));
    } else {
      out += string.substr(i, size);
    }
    i += size;
  }
}

// Whether the parser would refuse a number for its size: whole ones within 64 bits have up to 18 digits at least.
bool is_too_large(std::string_view number) {
  if (number.find_first_not_of("-0123456789") == number.npos) return number.size() > 18;
  double value = 0;
  return std::from_chars(number.data(), number.data() + number.size(), value).ec == std::errc::result_out_of_range;
}

// The word at the front of `rest` that has to go behind the mark, or nothing.
std::string_view word_in(std::string_view rest) {
  const auto word = std::ranges::find_if(kWords, [&](std::string_view w) { return rest.starts_with(w); });
  if (word != kWords.end()) return *word;
  const std::string_view number = rest.substr(0, rest.find_first_not_of("0123456789+-.eE"));
  return is_too_large(number) ? number : std::string_view();
}

std::string with_words_in_strings(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const bool begins_word = i == 0 || std::string_view("[,: \t\n\r").find(text[i - 1]) != std::string_view::npos;
    const std::string_view word = begins_word ? word_in(text.substr(i)) : std::string_view();
    const size_t end = text[i] == '"' ? string_end(text, i) : i + std::max<size_t>(word.size(), 1);
    if (word.empty())
      append_with_marked_halves(out, text.substr(i, end - i));
    else
      out.append("\"\\u001f python number ").append(word).append("\"");
    i = end;
  }
  return out;
}

void take_words_out(JsonValue& value) {
  if (value.kind == JsonValue::Kind::string && value.text.starts_with(kMark)) {
    const std::string word = value.text.substr(kMark.size());
    if (word_in(word) == word) value = {.kind = JsonValue::Kind::number, .text = word};
  }
  for (JsonValue& item : value.items) take_words_out(item);
}

}  // namespace

JsonValue parse_python_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.size) return parse_json(text, limits);
  const std::string words = with_words_in_strings(text);
  JsonLimits longer = limits;
  longer.size = std::max(limits.size, words.size());
  JsonValue value = parse_json(words, longer);
  take_words_out(value);
  return value;
}

std::string python_json_text(const JsonValue& value) {
  std::string text = json_text(value);
  for (size_t at = 0; (at = text.find(kMarkedHalf, at)) != std::string::npos; ++at)
    text.replace(at, kMarkedHalf.size(), "\\u");
  return text;
}

}  // namespace ckmerge
