// SPDX-License-Identifier: Apache-2.0
// The parser knows no such words, and no numbers beyond those of a machine, so they go through it as strings behind a
// mark that no config has.
#include "io/text/python_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <system_error>

namespace ckmerge {
namespace {

constexpr auto kWords = std::to_array<std::string_view>({"NaN", "Infinity", "-Infinity"});
constexpr std::string_view kMark = "\x1f python number ";

// The end of the string that begins at `begin`.
size_t string_end(std::string_view text, size_t begin) {
  size_t end = begin + 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size());
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
      out += text.substr(i, end - i);
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

}  // namespace ckmerge
