// SPDX-License-Identifier: Apache-2.0
// Compared with Python 3.11 over all code points of Unicode 14: \p{Xan} is str.isalnum, \p{Nd} is str.isdecimal, and
// (?i) differs only in the sets of kOtherCases. tests/core/patterns.py repeats the comparison.
#include "core/name_pattern_set.h"

#include <algorithm>
#include <cstdio>
#include <span>

namespace ckmerge {
namespace {

constexpr char32_t kLast = 0x10ffff, kFirstSurrogate = 0xd800, kLastSurrogate = 0xdfff;

struct Block {
  char32_t first, last;
};
// str.isspace, in ascending order, as the others.
constexpr Block kSpaces[] = {{0x9, 0xd},       {0x1c, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680},
                             {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};
constexpr Block kAsciiSpaces[] = {{0x9, 0xd}, {0x20, 0x20}};
constexpr Block kAsciiDigits[] = {{'0', '9'}};
constexpr Block kAsciiWords[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};

// Letters that are one under Python's (?i) and not, or not all, under PCRE2's: i and dotless i; iota and upsilon with
// dialytika and acute or oxia; the ligatures of long s and of s with t.
constexpr std::u32string_view kOtherCases[] = {U"Ii\u0130\u0131", U"\u0390\u1fd3", U"\u03b0\u1fe3", U"\ufb05\ufb06"};

// One character, and never a match: a set of nothing keeps its width for look-behind.
constexpr const char* kNothing = "(?:(?!).)";

std::span<const Block> blocks_of(char32_t letter, bool ascii) {
  if (letter == 's') return ascii ? std::span<const Block>(kAsciiSpaces) : kSpaces;
  return letter == 'd' ? std::span<const Block>(kAsciiDigits) : kAsciiWords;
}

void append_character(std::string& out, char32_t character) {
  const bool plain = (character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
                     (character >= 'A' && character <= 'Z') || character == '_';
  char text[16];
  std::snprintf(text, sizeof text, plain ? "%c" : "\\x{%x}", static_cast<unsigned>(character));
  out += text;
}

// Surrogates are no characters: no name has one, and PCRE2 refuses them.
void append_range(std::string& out, char32_t first, char32_t last) {
  if (first >= kFirstSurrogate && first <= kLastSurrogate) first = kLastSurrogate + 1;
  if (last >= kFirstSurrogate && last <= kLastSurrogate) last = kFirstSurrogate - 1;
  if (first > last) return;
  append_character(out, first);
  if (first == last) return;
  out += '-';
  append_character(out, last);
}

}  // namespace

void CharacterSet::add(char32_t first, char32_t last) { ranges_.push_back({first, last}); }

void CharacterSet::add_category(char32_t letter, bool ascii) {
  const bool inverted = letter < 'a';
  const char32_t kind = inverted ? letter + 32 : letter;
  if (!ascii && kind == 'd') {
    properties_ += inverted ? "\\P{Nd}" : "\\p{Nd}";
    no_digit_ |= inverted;
  } else if (!ascii && kind == 'w') {
    properties_ += inverted ? "\\P{Xan}" : "\\p{Xan}";
    if (inverted)
      no_word_ = true;
    else
      add('_', '_');
  } else if (!inverted) {
    for (const Block block : blocks_of(kind, ascii)) add(block.first, block.last);
  } else {
    char32_t begin = 0;
    for (const Block block : blocks_of(kind, ascii)) {
      if (block.first > begin) add(begin, block.first - 1);
      begin = block.last + 1;
    }
    add(begin, kLast);
  }
}

bool CharacterSet::has(char32_t character) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& range) { return range.first <= character && character <= range.last; });
}

std::vector<CharacterSet::Range> CharacterSet::with_other_cases(CaseRule rule) const {
  std::vector<Range> all = ranges_;
  if (rule == CaseRule::ascii) {
    for (char32_t small = 'a'; small <= 'z'; ++small)
      if (const char32_t capital = small - 32; has(small) != has(capital)) {
        const char32_t other = has(small) ? capital : small;
        all.push_back({other, other});
      }
  } else if (rule == CaseRule::unicode) {
    for (const std::u32string_view same : kOtherCases)
      if (std::any_of(same.begin(), same.end(), [&](char32_t letter) { return has(letter); }))
        for (const char32_t letter : same) all.push_back({letter, letter});
  }
  return all;
}

std::string CharacterSet::text(CaseRule rule) const {
  std::string items;
  for (const Range& range : with_other_cases(rule)) append_range(items, range.first, range.last);
  items += properties_;
  if (items.empty()) return negated_ ? "(?s:.)" : kNothing;
  const std::string set = (negated_ ? "[^" : "[") + items + "]";
  if (!no_word_ || no_digit_ || has('_')) return set;
  // \W is \P{Xan} without "_", and a PCRE2 set cannot leave out a member.
  return negated_ ? "(?:_|" + set + ")" : "(?:(?!_)" + set + ")";
}

uint64_t CharacterSet::count() const {
  uint64_t count = 0;
  for (const Range& range : ranges_) count += range.last - range.first + 1;
  return count;
}

std::string character_text(char32_t character, CaseRule rule) {
  if (character >= kFirstSurrogate && character <= kLastSurrogate) return kNothing;
  const auto in = [&](std::u32string_view same) { return same.find(character) != same.npos; };
  const bool ascii_letter = (character | 32) >= 'a' && (character | 32) <= 'z';
  const bool other_cases =
      rule == CaseRule::ascii
          ? ascii_letter
          : rule == CaseRule::unicode && std::any_of(std::begin(kOtherCases), std::end(kOtherCases), in);
  if (other_cases) {
    CharacterSet set;
    set.add(character, character);
    return set.text(rule);
  }
  std::string text;
  append_character(text, character);
  return text;
}

std::string category_text(char32_t letter, bool ascii) {
  CharacterSet set;
  set.add_category(letter | 32, ascii);  // \S as what is not \s: its complement would be a set of a million
  if (letter < 'a') set.negate();
  return set.text(CaseRule::exact);
}

}  // namespace ckmerge
