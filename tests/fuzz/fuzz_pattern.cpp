// SPDX-License-Identifier: Apache-2.0
// A name pattern of anybody's making: the pattern, NUL, then names, one a line. Whatever it is, it is understood or
// refused with Error(usage), and matching ends (libFuzzer's -timeout watches). A pattern without special characters
// finds exactly the names that contain it, as what it is and inside a group, where PCRE2 does the work.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "core/name_pattern.h"
#include "io/text/error.h"
#include "io/text/utf8.h"

using namespace ckmerge;

namespace {

// One input should take no longer than a fuzzer's round may; longer names have a test of their own.
constexpr size_t kMostNames = 8, kLongestName = 64, kLongestLiteral = 4096;  // bytes

void expect(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string_view> names_of(std::string_view lines) {
  std::vector<std::string_view> names;
  while (names.size() < kMostNames) {
    const size_t end = lines.find('\n');
    const std::string_view name = lines.substr(0, end);
    if (name.size() <= kLongestName && is_utf8(name)) names.push_back(name);
    if (end == lines.npos) break;
    lines.remove_prefix(end + 1);
  }
  return names;
}

std::optional<bool> verdict(const NamePattern& pattern, std::string_view name) {
  try {
    return pattern.matches(name);
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::usage && error.where() == "--only" && error.what()[0] != '\0');
    return {};
  }
}

void check_any(const std::string& text, const std::vector<std::string_view>& names) {
  try {
    const NamePattern pattern("--only", text), again("--only", text);
    std::vector<std::optional<bool>> verdicts;
    for (const std::string_view name : names) verdicts.push_back(verdict(pattern, name));
    for (size_t i = names.size(); i-- > 0;) {  // in another order, and by one that has matched nothing else
      expect(verdict(pattern, names[i]) == verdicts[i]);
      expect(verdict(again, names[i]) == verdicts[i]);
    }
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::usage && error.where() == "--only" && error.what()[0] != '\0');
  }
}

void check_literal(const std::string& text, const std::vector<std::string_view>& names) {
  const NamePattern pattern("--only", text), grouped("--only", "(?:" + text + ")");
  for (const std::string_view name : names) {
    const bool contains = name.find(text) != name.npos;
    expect(pattern.matches(name) == contains && grouped.matches(name) == contains);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const std::string pattern(input.substr(0, end));
  const std::vector<std::string_view> names =
      end == input.npos ? std::vector<std::string_view>{} : names_of(input.substr(end + 1));
  check_any(pattern, names);
  const bool special = pattern.find_first_of("\\^$.*+?{}[]()|") != pattern.npos;
  if (!special && pattern.size() <= kLongestLiteral && is_utf8(pattern)) check_literal(pattern, names);
  return 0;
}
