// SPDX-License-Identifier: Apache-2.0
// The parser knows no such words, so they go through it as strings behind a mark that no config has.
#include "io/text/python_json.h"

#include <algorithm>
#include <array>
#include <string>

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

std::string with_words_in_strings(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    const auto word = std::ranges::find_if(kWords, [&](std::string_view w) { return rest.starts_with(w); });
    const size_t end = text[i] == '"' ? string_end(text, i) : word != kWords.end() ? i + word->size() : i + 1;
    if (word == kWords.end())
      out += text.substr(i, end - i);
    else
      out.append("\"\\u001f python number ").append(*word).append("\"");
    i = end;
  }
  return out;
}

void take_words_out(JsonValue& value) {
  if (value.kind == JsonValue::Kind::string && value.text.starts_with(kMark)) {
    const std::string word = value.text.substr(kMark.size());
    if (std::ranges::find(kWords, word) != kWords.end()) value = {.kind = JsonValue::Kind::number, .text = word};
  }
  for (JsonValue& item : value.items) take_words_out(item);
}

}  // namespace

JsonValue parse_python_json(std::string_view text, const JsonLimits& limits) {
  if (std::ranges::none_of(kWords, [&](std::string_view word) { return text.find(word) != text.npos; }))
    return parse_json(text, limits);
  JsonValue value = parse_json(with_words_in_strings(text), limits);
  take_words_out(value);
  return value;
}

}  // namespace ckmerge
