// SPDX-License-Identifier: Apache-2.0
#include "core/formula/tokens.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>

#include "core/formula/formula_fault.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

constexpr std::string_view kBlanks = " \t\r\n", kSigns = "+-*/()[],=";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Signs that look like those of a formula, and blanks that do not look like one.
struct LookAlike {
  std::string_view text;
  std::string_view meant;
};
constexpr LookAlike kLookAlikes[] = {
    {"\u2010", "-"}, {"\u2011", "-"}, {"\u2012", "-"}, {"\u2013", "-"}, {"\u2014", "-"}, {"\u2212", "-"},
    {"\u00d7", "*"}, {"\u22c5", "*"}, {"\u00b7", "*"}, {"\u2217", "*"}, {"\u00f7", "/"}, {"\u2215", "/"},
    {"\u2044", "/"}, {"\u00a0", " "}, {"\u2002", " "}, {"\u2003", " "}, {"\u2009", " "}, {"\u200a", " "},
    {"\u202f", " "}, {"\u3000", " "}, {"\u200b", " "}, {"\ufeff", " "}};

const LookAlike* look_alike(std::string_view text, size_t at) {
  if (static_cast<unsigned char>(text[at]) < 0x80) return nullptr;
  const auto* const found =
      std::ranges::find_if(kLookAlikes, [&](const LookAlike& row) { return text.substr(at).starts_with(row.text); });
  return found == std::end(kLookAlikes) ? nullptr : found;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

size_t name_end(std::string_view text, size_t at) {
  while (at < text.size() && (is_letter(text[at]) || is_digit(text[at])) && !look_alike(text, at)) ++at;
  return at;
}

}  // namespace

bool is_formula_name(std::string_view text) {
  return !text.empty() && is_letter(text[0]) && name_end(text, 0) == text.size() && is_utf8(text);
}

Token Tokens::take() {
  Token taken = std::exchange(next_, {});
  const size_t at = text_.find_first_not_of(kBlanks, taken.at + taken.text.size());
  next_ = at == text_.npos ? Token{.at = text_.size()} : read(at);
  return taken;
}

Token Tokens::read(size_t at) const {
  const char c = text_[at];
  if (is_digit(c) || (c == '.' && at + 1 < text_.size() && is_digit(text_[at + 1]))) return read_number(at);
  if (const LookAlike* const other = look_alike(text_, at))
    refuse_at({&in_, at}, other->meant == " "
                              ? std::string("a blank that is none of ASCII stands here; write a plain one")
                              : sentence("'", other->text, "' is no sign of a formula; write ", other->meant));
  if (is_letter(c)) return {.kind = Token::Kind::name, .at = at, .text = text_.substr(at, name_end(text_, at) - at)};
  if (kSigns.find(c) != kSigns.npos) return {.kind = Token::Kind::sign, .at = at, .text = text_.substr(at, 1)};
  const bool is_control = static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  refuse_at({&in_, at}, sentence(is_control ? "a control character" : sentence("'", text_.substr(at, 1), "'"),
                                 " means nothing in a formula, which has names, numbers and + - * / ( ) [ ] , ="));
}

Token Tokens::read_number(size_t at) const {
  Token token{.kind = Token::Kind::number, .at = at};
  const auto [end, error] = std::from_chars(text_.data() + at, text_.data() + text_.size(), token.number);
  token.text = text_.substr(at, static_cast<size_t>(end - (text_.data() + at)));
  if (error != std::errc() || !std::isfinite(token.number))
    refuse_at({&in_, at}, "this number is larger or smaller than 64 bits can hold");
  return token;
}

}  // namespace ckmerge
