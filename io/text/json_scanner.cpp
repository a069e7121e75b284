// SPDX-License-Identifier: Apache-2.0
#include "io/text/json_scanner.h"

#include <algorithm>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

constexpr size_t kMostLevels = 100;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, uint32_t code) {
  const auto append = [&](uint32_t byte) { out += static_cast<char>(byte); };
  const auto tail = [&](uint32_t shift) { append(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) return append(code);
  if (code < 0x800) {
    append(0xc0 | (code >> 6));
  } else if (code < 0x10000) {
    append(0xe0 | (code >> 12));
    tail(6);
  } else {
    append(0xf0 | (code >> 18));
    tail(12);
    tail(6);
  }
  tail(0);
}

}  // namespace

JsonScanner::JsonScanner(std::string_view text, LoneHalves lone) : text_(text), lone_(lone) {
  if (!is_utf8(text)) throw Error(ErrorCode::malformed, "", "it is not UTF-8");
}

void JsonScanner::fail(std::string_view what) const {
  throw Error(ErrorCode::malformed, "", sentence("at byte ", at_, ": ", what));
}

// The character that comes next, blanks aside; NUL at the end.
char JsonScanner::peek() {
  at_ = std::min(text_.find_first_not_of(" \t\n\r", at_), text_.size());
  return at_ < text_.size() ? text_[at_] : '\0';
}

void JsonScanner::expect(char c) {
  if (peek() != c) fail(sentence("expected '", std::string_view(&c, 1), "'"));
  ++at_;
}

void JsonScanner::expect_word(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) fail("expected a value");
  at_ += word.size();
}

JsonScanner::Kind JsonScanner::kind() {
  const char c = peek();
  switch (c) {
    case '{': return Kind::object;
    case '[': return Kind::array;
    case '"': return Kind::string;
    case 't':
    case 'f': return Kind::boolean;
    case 'n': return Kind::null;
    default: break;
  }
  if (c == '-' || is_digit(c)) return Kind::number;
  fail("expected a value");
}

size_t JsonScanner::place() {
  peek();
  return at_;
}

void JsonScanner::enter(Kind kind) {
  expect(kind == Kind::object ? '{' : '[');
  if (levels_.size() == kMostLevels) fail(sentence("more than ", kMostLevels, " arrays and objects in each other"));
  levels_.push_back({.object = kind == Kind::object, .first = true});
}

bool JsonScanner::next() {
  Level& level = levels_.back();
  if (peek() == (level.object ? '}' : ']')) {
    ++at_;
    levels_.pop_back();
    return false;
  }
  if (!level.first) expect(',');
  level.first = false;
  return true;
}

std::string_view JsonScanner::key() {
  peek();
  read_string(true);
  expect(':');
  return decoded_;
}

std::string_view JsonScanner::string() {
  peek();
  read_string(true);
  return decoded_;
}

std::string_view JsonScanner::number() {
  peek();
  const size_t begin = at_;
  const auto at_digit = [&] { return at_ < text_.size() && is_digit(text_[at_]); };
  const auto digits = [&] {
    if (!at_digit()) fail("expected a digit");
    while (at_digit()) ++at_;
  };
  const auto take = [&](std::string_view any) {
    const bool is_there = at_ < text_.size() && any.find(text_[at_]) != std::string_view::npos;
    at_ += is_there;
    return is_there;
  };
  take("-");
  if (!take("0")) digits();
  if (take(".")) digits();
  if (take("eE")) {
    take("+-");
    digits();
  }
  return text_.substr(begin, at_ - begin);
}

bool JsonScanner::boolean() {
  const bool is_true = peek() == 't';
  expect_word(is_true ? "true" : "false");
  return is_true;
}

std::string_view JsonScanner::skip() {
  const size_t begin = place(), depth = levels_.size();
  do {
    if (levels_.size() > depth) {
      const bool object = levels_.back().object;
      if (!next()) continue;
      if (object) {
        peek();
        read_string(false);
        expect(':');
      }
    }
    switch (const Kind what = kind()) {
      case Kind::null: expect_word("null"); break;
      case Kind::boolean: boolean(); break;
      case Kind::number: number(); break;
      case Kind::string: read_string(false); break;
      case Kind::array:
      case Kind::object: enter(what); break;
    }
  } while (levels_.size() > depth);
  return since(begin);
}

void JsonScanner::finish() {
  if (peek() != '\0' || at_ < text_.size()) fail("expected the end");
}

void JsonScanner::read_string(bool decode) {
  expect('"');
  if (decode) decoded_.clear();
  for (;;) {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' && static_cast<uint8_t>(text_[at_]) >= 0x20)
      ++at_;
    if (decode) decoded_.append(text_.substr(begin, at_ - begin));
    if (at_ == text_.size()) fail("a string has no end");
    if (text_[at_] == '"') break;
    if (text_[at_] != '\\') fail("a control character in a string");
    ++at_;
    read_escape(decode);
  }
  ++at_;
}

void JsonScanner::read_escape(bool decode) {
  constexpr std::string_view kLetters = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
  const char letter = at_ < text_.size() ? text_[at_] : '\0';
  ++at_;
  if (letter != 'u') {
    const size_t which = kLetters.find(letter);
    if (which == std::string_view::npos) fail("an escape in a string that JSON does not have");
    if (decode) decoded_ += kMeant[which];
    return;
  }
  uint32_t code = read_hex();
  if (code >= 0xd800 && code < 0xdc00 && text_.substr(std::min(at_, text_.size()), 2) == "\\u") {
    const size_t behind = at_;
    at_ += 2;
    const uint32_t low = read_hex();
    const bool is_low = low >= 0xdc00 && low < 0xe000;
    if (is_low)
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    else if (lone_ == LoneHalves::passed)
      at_ = behind;  // an escape of its own
  }
  const bool is_half = code >= 0xd800 && code < 0xe000;
  if (is_half && lone_ == LoneHalves::refused) fail("a lone surrogate in a string");
  if (decode && !is_half) append_utf8(decoded_, code);
}

uint32_t JsonScanner::read_hex() {
  uint32_t code = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const char lower = static_cast<char>(c | 0x20);
    const bool is_letter = lower >= 'a' && lower <= 'f';
    if (!is_digit(c) && !is_letter) fail("an escape in a string that JSON does not have");
    code = code * 16 + static_cast<uint32_t>(is_letter ? lower - 'a' + 10 : c - '0');
  }
  return code;
}

}  // namespace ckmerge
