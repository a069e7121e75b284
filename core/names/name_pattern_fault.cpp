// SPDX-License-Identifier: Apache-2.0
// RE2 tells what is wrong and the characters that are, but not where they are. They may stand in the pattern before, as
// part of something else; the place is the first where the pattern fails in the same way when it is cut off behind
// them.
#include "core/names/name_pattern_fault.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

constexpr size_t kLongestShown = 200;  // bytes of a pattern in a sentence
constexpr int kMostTries = 100;        // places that are looked at; each costs reading the pattern before it

struct Lacking {
  std::string_view beginning, clause;
};
constexpr std::string_view kLook =
    "looks at what is before or behind, which patterns cannot do; take names out with --exclude";
constexpr std::string_view kReference =
    "refers to a group, which patterns cannot do; write the cases as a|b, or take names out with --exclude";
constexpr std::string_view kPossessive =
    "gives nothing back, which patterns cannot do; repeat and group plainly, and take names out with --exclude";
constexpr std::string_view kCharacter =
    "is no character; write the character itself, or \\x{...} with its number in hexadecimal";

// What patterns of Python and Perl have, and RE2 has not or writes otherwise.
constexpr Lacking kLacking[] = {
    {"(?=", kLook},
    {"(?!", kLook},
    {"(?<=", kLook},
    {"(?<!", kLook},
    {"(?<", "begins no group; one with a name is (?P<name>...)"},
    {"(?P=", kReference},
    {"(?(", kReference},
    {"(?>", kPossessive},
    {"(?#", "begins a comment, which patterns do not have; leave it out"},
    {"\\Z", "is no place; the name's end is $ or \\z"},
    {"\\u", kCharacter},
    {"\\U", kCharacter},
    {"\\N", kCharacter},
};

struct Wrong {
  RE2::ErrorCode code;
  bool fragment;  // stands before the clause
  std::string_view clause;
};
constexpr Wrong kWrong[] = {
    {RE2::ErrorBadEscape, true, ", which means nothing; write the letter alone, or \\\\ for a backslash"},
    {RE2::ErrorBadCharRange, true, ", which is neither a range nor a class; put \"-\" last in the set"},
    {RE2::ErrorMissingBracket, false, "begins a set that is never closed; add \"]\", or write \\[ for the character"},
    {RE2::ErrorMissingParen, false, "opens a group that is never closed; add \")\", or write \\( for the character"},
    {RE2::ErrorUnexpectedParen, false, "closes a group that was never opened; write \\) for the character"},
    {RE2::ErrorTrailingBackslash, false, "is a backslash with nothing behind it; write \\\\ for the character itself"},
    {RE2::ErrorRepeatArgument, false, "has nothing to repeat; write a backslash before it for the character"},
    {RE2::ErrorRepeatSize, true, "; numbers go from the smaller to the larger, and repeats of repeats to 1000"},
    {RE2::ErrorRepeatOp, true, ", which repeats what is repeated already; use a group (?:...)"},
    {RE2::ErrorBadPerlOp, true, ", which means nothing; flags are (?i), (?m), (?s) and (?U), groups (?:...)"},
    {RE2::ErrorBadUTF8, false, "is not UTF-8, which names are written in"},
    {RE2::ErrorBadNamedCapture, false, "begins no group; one with a name is (?P<name>...)"},
};

std::string shown(std::string_view text) {
  if (text.size() <= kLongestShown) return std::string(text);
  size_t end = kLongestShown;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;  // no character is cut
  return std::string(text.substr(0, end)) + "...";
}

// Where the set ends whose "[" is at `at`.
size_t end_of_set(std::string_view pattern, size_t at) {
  at += pattern.substr(at + 1).starts_with('^') ? 2 : 1;
  for (bool first = true; at < pattern.size() && (first || pattern[at] != ']'); first = false) {
    const size_t end = pattern.substr(at).starts_with("[:") ? pattern.find(":]", at) : pattern.npos;
    at = end != pattern.npos ? end + 2 : at + (pattern[at] == '\\' ? 2 : 1);
  }
  return at;
}

// The innermost group that stays open. REQUIRES: RE2 found nothing else wrong.
size_t open_group(std::string_view pattern) {
  std::vector<size_t> open;
  for (size_t at = 0; at < pattern.size(); ++at) {
    const bool quoted = pattern.substr(at).starts_with("\\Q");
    if (quoted) at = std::min(pattern.find("\\E", at), pattern.size());
    if (quoted || pattern[at] == '\\')
      ++at;
    else if (pattern[at] == '[')
      at = end_of_set(pattern, at);
    else if (pattern[at] == '(')
      open.push_back(at);
    else if (pattern[at] == ')' && !open.empty())
      open.pop_back();
  }
  return open.empty() ? 0 : open.back();
}

// Whether the first `size` bytes of a pattern are refused for the same reason as all of it.
bool front_fails_alike(const RE2& refused, size_t size) {
  const RE2 front(std::string_view(refused.pattern()).substr(0, size), refused.options());
  const bool tells_fragment = refused.error_code() != RE2::ErrorUnexpectedParen;
  return front.error_code() == refused.error_code() && (!tells_fragment || front.error_arg() == refused.error_arg());
}

// The fragment's place, where it is found within kMostTries.
std::optional<size_t> place_of(const RE2& refused, std::string_view fragment) {
  size_t at = refused.pattern().find(fragment);
  for (int tries = 0; at != std::string::npos && tries < kMostTries; ++tries) {
    const size_t end = at + fragment.size();
    // Two bytes more as well: (?P is refused, and the beginning of (?P<n>a).
    if (front_fails_alike(refused, end) && front_fails_alike(refused, end + 2)) return at;
    at = refused.pattern().find(fragment, at + 1);
  }
  return std::nullopt;
}

std::optional<size_t> place_of(const RE2& refused) {
  const std::string& pattern = refused.pattern();
  switch (refused.error_code()) {
    case RE2::ErrorMissingParen: return open_group(pattern);
    case RE2::ErrorUnexpectedParen: return place_of(refused, ")");
    case RE2::ErrorTrailingBackslash: return pattern.size() - 1;
    case RE2::ErrorBadUTF8: {
      const std::string valid = valid_utf8(pattern);
      return std::mismatch(pattern.begin(), pattern.end(), valid.begin(), valid.end()).first - pattern.begin();
    }
    default: return place_of(refused, refused.error_arg());
  }
}

// `text`: the pattern from the place on.
std::string clause_of(const RE2& refused, std::string_view text) {
  const auto lacking =
      std::ranges::find_if(kLacking, [&](const Lacking& row) { return text.starts_with(row.beginning); });
  if (lacking != std::end(kLacking)) return std::string(lacking->clause);
  const std::string fragment = shown(refused.error_arg());
  if (refused.error_code() == RE2::ErrorRepeatOp && fragment.ends_with('+')) return std::string(kPossessive);
  if (refused.error_code() == RE2::ErrorBadEscape && fragment[1] >= '1' && fragment[1] <= '9')
    return std::string(kReference);
  const auto wrong = std::ranges::find(kWrong, refused.error_code(), &Wrong::code);
  if (wrong == std::end(kWrong)) return "is not understood";
  return wrong->fragment ? sentence("begins ", fragment, wrong->clause) : std::string(wrong->clause);
}

}  // namespace

std::string pattern_fault(const RE2& refused) {
  const std::string name = sentence("'", shown(refused.pattern()), "': ");
  if (refused.ok() || refused.error_code() == RE2::ErrorPatternTooLarge)
    return name + "is too large once its repeats are written out; write it shorter, or as several patterns";
  if (refused.error_code() == RE2::ErrorInternal) return name + "cannot be understood";
  const std::string_view pattern = refused.pattern();
  const std::optional<size_t> at = place_of(refused);
  if (!at) return name + clause_of(refused, refused.error_arg());
  const auto begins = [](char byte) { return (byte & 0xc0) != 0x80; };
  const auto before = std::count_if(pattern.begin(), pattern.begin() + static_cast<ptrdiff_t>(*at), begins);
  return sentence(name, "character ", before + 1, " ", clause_of(refused, pattern.substr(*at)));
}

}  // namespace ckmerge
