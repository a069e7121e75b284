// SPDX-License-Identifier: Apache-2.0
#include "core/name_pattern_escape.h"

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF", kOctalDigits = "01234567";

struct NamedCharacter {
  char32_t letter, character;
};
constexpr NamedCharacter kNamed[] = {{'a', 7}, {'f', 12}, {'n', 10}, {'r', 13}, {'t', 9}, {'v', 11}, {'\\', '\\'}};

std::string escape_text(char32_t letter) {
  std::string text = "\\";
  append_utf8(text, letter);
  return text;
}

[[noreturn]] void fail_escape(char32_t letter, size_t at) {
  throw PatternFault{at, sentence(escape_text(letter),
                                  " means nothing in Python's re; write the letter alone, or \\\\ "
                                  "for a backslash")};
}

char32_t hex_character(PatternText& text, char32_t letter, size_t digits, size_t at) {
  const std::string taken = text.take_while(kHexDigits, digits);
  if (taken.size() < digits)
    throw PatternFault{at, sentence(escape_text(letter), " needs ", digits, " hexadecimal digits")};
  const unsigned long character = std::stoul(taken, nullptr, 16);
  if (character > 0x10ffff) throw PatternFault{at, "is beyond the last character, \\U0010ffff"};
  return static_cast<char32_t>(character);
}

// One member of a set, or the category of which it is the letter.
struct Member {
  char32_t character;
  bool category;
  size_t at;
};

Member take_member(PatternText& text, size_t set_at) {
  const size_t at = text.position();
  const PatternToken token = text.take();
  if (token.ends())
    throw PatternFault{set_at, "begins a set that is never closed; add \"]\", or write \\[ for the character"};
  if (!token.escaped) return {token.character, false, at};
  if (is_category(token.character)) return {token.character, true, at};
  return {escaped_character(text, token, at, /*in_set=*/true), false, at};
}

void add_member(CharacterSet& set, const Member& member, bool ascii) {
  if (member.category)
    set.add_category(member.character, ascii);
  else
    set.add(member.character, member.character);
}

void add_range(CharacterSet& set, const Member& first, const Member& last) {
  if (first.category || last.category)
    throw PatternFault{first.at, "begins a range of which one end is no character; put \"-\" last in the set"};
  if (last.character < first.character)
    throw PatternFault{first.at,
                       "begins a range that ends before it begins; put \"-\" last in the set, or swap the ends"};
  set.add(first.character, last.character);
}

}  // namespace

bool is_category(char32_t letter) {
  return letter < 0x80 && std::string_view("dDsSwW").find(static_cast<char>(letter)) != std::string_view::npos;
}

char32_t octal_character(const std::string& digits, size_t at) {
  const unsigned long character = std::stoul(digits, nullptr, 8);
  if (character > 0377) throw PatternFault{at, "is an octal number beyond \\377"};
  return static_cast<char32_t>(character);
}

char32_t escaped_character(PatternText& text, PatternToken escape, size_t at, bool in_set) {
  const char32_t letter = escape.character;
  for (const NamedCharacter named : kNamed)
    if (letter == named.letter) return named.character;
  if (letter == 'b' && in_set) return 8;
  if (letter == 'x') return hex_character(text, letter, 2, at);
  if (letter == 'u') return hex_character(text, letter, 4, at);
  if (letter == 'U') return hex_character(text, letter, 8, at);
  if (letter == 'N') throw PatternFault{at, "\\N{...} is not supported; write the character, or its number as \\uXXXX"};
  if (letter >= '0' && letter <= '7')
    return octal_character(static_cast<char>(letter) + text.take_while(kOctalDigits, 2), at);
  if (is_ascii_letter(letter) || letter == '8' || letter == '9') fail_escape(letter, at);
  return letter;
}

CharacterSet take_set(PatternText& text, size_t at, bool ascii) {
  CharacterSet set;
  if (text.take_if('^')) set.negate();
  for (bool first = true; first || !text.take_if(']'); first = false) {
    const Member member = take_member(text, at);
    if (!text.take_if('-')) {
      add_member(set, member, ascii);
    } else if (text.peek().is(']')) {
      add_member(set, member, ascii);
      set.add('-', '-');
    } else {
      add_range(set, member, take_member(text, at));
    }
  }
  return set;
}

}  // namespace ckmerge
