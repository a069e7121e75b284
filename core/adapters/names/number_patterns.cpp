// SPDX-License-Identifier: Apache-2.0
// EVA writes a key for each module, so that keys which are names are looked up; Python's own `.` in them, which stands
// for any character, is taken for the dot that it was meant to be.
#include "core/adapters/names/number_patterns.h"

#include <algorithm>
#include <cctype>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr size_t kMostBytes = 16384, kMostPatterns = 256;  // bound the time that a hostile config can take

bool is_plain(std::string_view key) {
  return std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

NamePattern compiled(const std::string& key) try {
  return NamePattern("key", "^(?:.*\\.)?(?:" + key + ")$");
} catch (const Error& error) {
  throw Error(ErrorCode::malformed, key, sentence("the key '", key, "': ", error.what()));
}

}  // namespace

void NumberPatterns::add(const std::string& key, double number) {
  const size_t place = numbers_.size();
  if (is_plain(key)) {
    plain_.emplace(key, place);
  } else {
    others_size_ += key.size();
    if (others_.size() == kMostPatterns || others_size_ > kMostBytes)
      throw Error(ErrorCode::malformed, "",
                  sentence("has more than ", kMostPatterns, " regular expressions, or ", kMostBytes, " bytes of them"));
    others_.emplace_back(place, compiled(key));
  }
  numbers_.push_back(number);
}

std::optional<double> NumberPatterns::find(std::string_view name) const {
  size_t first = numbers_.size();
  for (size_t begin = 0; !plain_.empty();) {
    if (const auto found = plain_.find(name.substr(begin)); found != plain_.end())
      first = std::min(first, found->second);
    const size_t dot = name.find('.', begin);
    if (dot == std::string_view::npos) break;
    begin = dot + 1;
  }
  for (const auto& [place, pattern] : others_) {
    if (place > first) break;
    if (!pattern.matches(name)) continue;
    first = place;
    break;
  }
  return first == numbers_.size() ? std::nullopt : std::optional(numbers_[first]);
}

}  // namespace ckmerge
