// SPDX-License-Identifier: Apache-2.0
#include "io/text/yaml_text.h"

#include <algorithm>
#include <array>

#include "io/text/json_writer.h"

namespace ckmerge {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kMore = "0123456789_-./=";

// What some readers take for something else than a string, in any case.
constexpr std::array<std::string_view, 9> kWords = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};

bool is_word(std::string_view text) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::any_of(kWords, [&](std::string_view word) { return std::ranges::equal(text, word, {}, lower); });
}

bool is_plain(std::string_view text) {
  if (text.empty() || (kLetters.find(text[0]) == kLetters.npos && text[0] != '/')) return false;
  const auto is_safe = [](char c) { return kLetters.find(c) != kLetters.npos || kMore.find(c) != kMore.npos; };
  return std::ranges::all_of(text, is_safe) && !is_word(text);
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string quoted;
  append_json_string(quoted, text, true);
  return quoted;
}

std::string yaml_list(std::span<const std::string> scalars) {
  std::string out = "[";
  for (const std::string& scalar : scalars) out += (out.size() > 1 ? ", " : "") + scalar;
  return out + "]";
}

}  // namespace ckmerge
