// SPDX-License-Identifier: Apache-2.0
#include "cli/options/pair_text.h"

#include <charconv>

namespace ckmerge::cli {
namespace {

// No word of a command line has one. Before a pair that cannot be typed it stands twice, with the size of the name
// between.
constexpr char kMark = '\0';

bool can_be_typed(std::string_view name, std::string_view value) {
  return !name.empty() && name.find_first_of(std::string_view("=\0", 2)) == name.npos &&
         value.find(kMark) == value.npos;
}

}  // namespace

std::string pair_text(std::string_view name, std::string_view value) {
  std::string text;
  if (!can_be_typed(name, value)) ((text += kMark) += std::to_string(name.size())) += kMark;
  text += name;
  if (text.empty() || text.front() != kMark) text += '=';
  return text += value;
}

std::optional<std::pair<std::string, std::string>> parse_pair(std::string_view text) {
  if (text.empty() || text.front() != kMark) {
    const size_t equals = text.find('=');
    if (equals == text.npos || equals == 0) return std::nullopt;
    return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
  }
  size_t size = 0;
  const char* const digits = text.data() + 1;
  const auto [end, error] = std::from_chars(digits, text.data() + text.size(), size);
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  return std::pair(std::string(text.substr(0, size)), std::string(text.substr(size)));
}

}  // namespace ckmerge::cli
