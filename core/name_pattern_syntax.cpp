// SPDX-License-Identifier: Apache-2.0
#include "core/name_pattern_syntax.h"

#include <algorithm>

#include "core/name_pattern_translator.h"

namespace ckmerge {
namespace {

constexpr std::string_view kDigits = "0123456789", kOctalDigits = "01234567";
constexpr uint64_t kMostRepeats = 65535;  // PCRE2's; Python's is 2^32 - 2

// Compiling one set under (?i) looks at each member's other cases: 7 ms for all of Unicode.
constexpr uint64_t kMostCaselessMembers = 32 << 20;

constexpr size_t kNowhere = std::string_view::npos;
constexpr const char* kNotEmpty = "(?!\\A\\z)";

}  // namespace

void PatternTranslator::begin_item(Item kind, uint64_t width) {
  total_ += item_.width;
  item_ = {kind, out_.text.size(), groups_.size(), {width, width}};
}

void PatternTranslator::add_character(char32_t character) {
  begin_item(Item::plain, 1);
  out_.text += character_text(character, rule());
  const bool surrogate = character >= 0xd800 && character < 0xe000;
  if (flags_.ignore_case || surrogate) out_.is_literal = false;
  if (out_.is_literal) append_utf8(out_.literal, character);
}

void PatternTranslator::add(Item kind, uint64_t width, std::string_view text) {
  begin_item(kind, width);
  out_.text += text;
  out_.is_literal = false;
}

void PatternTranslator::add_beginning() {
  const bool first = out_.text.empty();
  const bool is_literal = out_.is_literal;
  add(Item::position, 0, "\\A");
  if (!first || !is_literal) return;
  out_.is_literal = out_.at_beginning = true;
}

void PatternTranslator::add_set(size_t at) {
  const CharacterSet set = take_set(text_, at, flags_.ascii);
  if (rule() == CaseRule::unicode) caseless_members_ += set.count();
  if (caseless_members_ > kMostCaselessMembers)
    throw PatternFault{at, "begins one too many of the large sets under (?i); put them into (?-i:...)"};
  add(Item::plain, 1, set.text(rule()));
}

// \b is where \w begins or ends, in Python's sense of \w.
void PatternTranslator::add_word_border(bool inverted) {
  const std::string word = category_text('w', flags_.ascii);
  const std::string before = "(?<=" + word + ")", not_before = "(?<!" + word + ")";
  const std::string behind = "(?=" + word + ")", not_behind = "(?!" + word + ")";
  const std::string border =
      inverted ? before + behind + "|" + not_before + not_behind : before + not_behind + "|" + not_before + behind;
  // Until Python 3.14 the empty text has neither borders nor places without.
  add(Item::position, 0, "(?:" + (inverted ? kNotEmpty : std::string()) + "(?:" + border + "))");
}

// Octal, or the number of a group: three octal digits are a character, whatever groups there are.
void PatternTranslator::add_number(char first, size_t at) {
  std::string digits(1, first);
  digits += text_.take_while(kDigits, 1);
  const bool octal = digits.size() == 2 && digits.find_first_not_of(kOctalDigits) == std::string::npos;
  const std::string third = octal ? text_.take_while(kOctalDigits, 1) : "";
  if (third.empty())
    add_reference(std::stoul(digits), at);
  else
    add_character(octal_character(digits + third, at));
}

void PatternTranslator::add_escape(PatternToken escape, size_t at) {
  const char32_t letter = escape.character;
  if (letter == 'A')
    add_beginning();
  else if (letter == 'Z')
    add(Item::position, 0, "\\z");
  else if (letter == 'b' || letter == 'B')
    add_word_border(letter == 'B');
  else if (is_category(letter))
    add(Item::plain, 1, category_text(letter, flags_.ascii));
  else if (letter >= '1' && letter <= '9')
    add_number(static_cast<char>(letter), at);
  else
    add_character(escaped_character(text_, escape, at, /*in_set=*/false));
}

// PCRE2's own multi-line ^ leaves out the place behind a newline at the end; Python's does not.
void PatternTranslator::add_special(char32_t character, size_t at) {
  switch (character) {
    case '^': return flags_.multiline ? add(Item::position, 0, "(?<![^\\n])") : add_beginning();
    case '$': return add(Item::position, 0, flags_.multiline ? "(?![^\\n])" : "(?=\\n?\\z)");
    case '.': return add(Item::plain, 1, flags_.dot_all ? "(?s:.)" : "[^\\n]");
    case '[': return add_set(at);
    case '(': return add_group(at);
    default: return add_character(character);
  }
}

// What precedes the optional ? or + of a quantifier; false: a brace that is only a character.
bool PatternTranslator::take_bounds(char32_t first, size_t at, Bounds& bounds) {
  if (first == '*') return true;
  if (first == '+') return bounds.least = 1, true;
  if (first == '?') return bounds.most = 1, true;
  if (text_.peek().is('}')) return false;
  const size_t behind_brace = text_.position();
  const std::string least = text_.take_while(kDigits, std::string::npos);
  const bool comma = text_.take_if(',');
  const std::string most = comma ? text_.take_while(kDigits, std::string::npos) : least;
  if (!text_.take_if('}')) return text_.go_back(behind_brace), false;
  const auto number = [&](const std::string& digits) {
    const size_t nonzero = std::min(digits.find_first_not_of('0'), digits.size() - 1);
    const uint64_t value = digits.size() - nonzero > 5 ? kMostRepeats + 1 : std::stoul(digits.substr(nonzero));
    if (value > kMostRepeats) throw PatternFault{at, "repeats more than 65535 times, which is the most here"};
    return value;
  };
  if (!least.empty()) bounds.least = number(least);
  if (!most.empty()) bounds.most = number(most);
  if (bounds.most < bounds.least) throw PatternFault{at, "repeats at most fewer times than at least; swap the numbers"};
  return true;
}

// What is repeated no time is left out, but for its groups, which count: PCRE2 10.42 takes (?:a|\A){0}b for anchored,
// and (?:a){0}+b for something that never matches.
void PatternTranslator::write_nothing() {
  const std::string item = out_.text.substr(item_.begin);
  out_.text.resize(item_.begin);
  out_.text += groups_.size() > item_.groups ? "(?:(?!)" + item + "|)" : "(?:)";
}

void PatternTranslator::write_quantifier(Bounds bounds) {
  const bool lazy = text_.take_if('?'), possessive = !lazy && text_.take_if('+');
  const bool group = out_.text[item_.begin] == '(';
  // PCRE2 has rules of its own for repeated assertions. Python, whatever its manual says, gives back nothing of any
  // round of a possessive repeat; PCRE2 only nothing of the last.
  if (item_.kind == Item::assertion || (possessive && group)) {
    out_.text.insert(item_.begin, possessive ? "(?>" : "(?:");
    out_.text += ')';
  }
  if (bounds.most == 0) return write_nothing();
  out_.text += "{" + std::to_string(bounds.least) + ",";
  if (bounds.most != PatternWidth::kUnbounded) out_.text += std::to_string(bounds.most);
  out_.text += lazy ? "}?" : possessive ? "}+" : "}";
}

void PatternTranslator::add_quantifier(char32_t first, size_t at) {
  Bounds bounds;
  if (!take_bounds(first, at, bounds)) return add_character(first);
  if (item_.kind == Item::none || item_.kind == Item::position)
    throw PatternFault{at, "has nothing to repeat; write a backslash before it for the character"};
  if (item_.kind == Item::repeat) throw PatternFault{at, "repeats what is repeated already; use a group (?:...)"};
  write_quantifier(bounds);
  item_.kind = Item::repeat;
  item_.width = PatternWidth{item_.width.least * bounds.least, item_.width.most * bounds.most}.clamped();
  out_.is_literal = false;
}

// White space and comments that the flag x makes of no meaning.
bool PatternTranslator::skip_verbose(PatternToken token) {
  if (!flags_.verbose || token.escaped) return false;
  if (token.character == '#') {
    for (PatternToken skipped = text_.take(); !skipped.ends() && !skipped.is('\n');) skipped = text_.take();
    return true;
  }
  return token.character == ' ' || (token.character >= '\t' && token.character <= '\r');
}

PatternWidth PatternTranslator::sequence() {
  const PatternWidth outer_total = total_;
  const LastItem outer_item = item_;
  total_ = {}, item_ = {};
  for (PatternToken next = text_.peek(); !next.ends() && !next.is('|') && !next.is(')'); next = text_.peek()) {
    const size_t at = text_.position();
    text_.take();
    if (skip_verbose(next)) continue;
    if (next.escaped)
      add_escape(next, at);
    else if (next.character < 0x80 && std::string_view("*+?{").find(static_cast<char>(next.character)) != kNowhere)
      add_quantifier(next.character, at);
    else
      add_special(next.character, at);
  }
  PatternWidth width = total_;
  width += item_.width;
  total_ = outer_total, item_ = outer_item;
  return width.clamped();
}

PatternWidth PatternTranslator::alternatives() {
  PatternWidth width = sequence();
  while (text_.take_if('|')) {
    out_.text += '|';
    out_.is_literal = false;
    first_branch_ = false;
    width.include(sequence());
  }
  return width;
}

TranslatedPattern PatternTranslator::run() {
  alternatives();
  if (!text_.peek().ends())
    throw PatternFault{text_.position(), "closes a group that was never opened; write \\) for the character"};
  check_conditions();
  if (caseless_) out_.text.insert(0, "(?i)");
  return std::move(out_);
}

TranslatedPattern translate_pattern(std::string_view pattern) { return PatternTranslator(pattern).run(); }

}  // namespace ckmerge
