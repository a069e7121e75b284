// SPDX-License-Identifier: Apache-2.0
#include "cli/system/text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/names/near_name.h"
#include "io/text/utf8.h"

namespace ckmerge::cli {
namespace {

bool acts_on_a_terminal(uint32_t c) {
  if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return true;
  // Direction marks, embeddings, overrides and isolates; line and paragraph separator; byte-order mark.
  return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
         c == 0xfeff;
}

std::string escape(const char* format, uint32_t value) {
  std::array<char, 16> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, value);
  return buffer.data();
}

std::string escaped(uint32_t c) {
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  if (c == '\r') return "\\r";
  return c < 0x80 ? escape("\\x%02x", c) : escape("\\u%04x", c);
}

}  // namespace

std::string visible(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Character c = decode_utf8(text);
    const size_t length = std::max<size_t>(c.size, 1);
    if (c.size == 0)
      out += escape("\\x%02x", static_cast<uint8_t>(text[0]));
    else if (acts_on_a_terminal(c.code_point))
      out += escaped(c.code_point);
    else
      out += text.substr(0, length);
    text.remove_prefix(length);
  }
  return out;
}

std::string shortened(std::string_view text, size_t width) {
  // Four bytes hold any code point, so a longer prefix cannot be shown whatever it holds.
  std::string line = visible(text.substr(0, 4 * width + 4));
  size_t shown = 0, cut = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool starts = (static_cast<uint8_t>(line[i]) & 0xc0) != 0x80;
    if (starts && shown + 3 == width) cut = i;
    shown += starts;
  }
  if (shown <= width && text.size() <= 4 * width + 4) return line;
  return line.substr(0, cut) + "...";
}

std::string nearest(std::string_view typed, const std::vector<std::string>& known) {
  const size_t limit = edits_allowed(typed);
  size_t best = limit + 1;
  std::string found;
  for (const std::string& word : known) {
    if (typed.size() > word.size() + limit) continue;
    if (typed.size() > 1 && word.starts_with(typed)) return word;
    const size_t edits = edit_distance(typed, word, limit);
    if (edits < best) best = edits, found = word;
  }
  return found;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known, std::string_view prefix) {
  const std::string word = nearest(typed, known);
  if (word.empty()) return "";
  return std::string("; did you mean '").append(prefix).append(word).append("'?");
}

std::string counted(uint64_t count, std::string_view noun) {
  return grouped(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string grouped(uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

std::string letter(size_t checkpoint) {
  if (checkpoint < 26) return std::string(1, static_cast<char>('A' + checkpoint));
  return std::string("#").append(std::to_string(checkpoint + 1));
}

}  // namespace ckmerge::cli
