// SPDX-License-Identifier: Apache-2.0
#include "io/text/words.h"

#include <algorithm>

namespace ckmerge {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

}  // namespace

bool has_word(std::string_view name, std::span<const std::string_view> words) {
  const auto is = [](std::string_view word) {
    return [word](std::string_view known) {
      return std::ranges::equal(word, known, [](char a, char b) { return lower(a) == b; });
    };
  };
  for (size_t begin = 0; begin < name.size();) {
    size_t end = begin;
    while (end < name.size() && is_letter(name[end])) ++end;
    if (end > begin && std::ranges::any_of(words, is(name.substr(begin, end - begin)))) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace ckmerge
