// SPDX-License-Identifier: Apache-2.0
// An untrusted name pattern: the pattern, NUL, then names, one a line. Whatever it is, it is understood or
// refused with Error(usage), and matching ends (libFuzzer's -timeout watches). A pattern without special characters
// finds exactly the names that contain it, and a set finds what its patterns find one by one.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/names/name_pattern_set.h"
#include "io/text/error.h"
#include "io/text/utf8.h"

using namespace ckmerge;

namespace {

// One input should take no longer than a fuzzer's round may.
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

void check_any(const std::string& text, const std::vector<std::string_view>& names) {
  try {
    std::vector<NamePattern> patterns;
    for (const std::string& each : {text, "^" + text, std::string("a")}) patterns.emplace_back("--only", each);
    NamePatternSet set(std::move(patterns));
    for (const std::string_view name : names) {
      std::vector<int> expected, matching = set.matching(name);
      for (int i = 0; i < 3; ++i)
        if (set.patterns()[static_cast<size_t>(i)].matches(name)) expected.push_back(i);
      std::ranges::sort(matching);
      expect(matching == expected && set.any_matches(name) == !expected.empty());
    }
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::usage && error.where() == "--only" && error.what()[0] != '\0');
  }
}

void check_literal(const std::string& text, const std::vector<std::string_view>& names) {
  const NamePattern pattern("--only", text);
  for (const std::string_view name : names) expect(pattern.matches(name) == (name.find(text) != name.npos));
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
