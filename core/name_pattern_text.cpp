// SPDX-License-Identifier: Apache-2.0
#include "core/name_pattern_text.h"

namespace ckmerge {
namespace {

constexpr char32_t kNotUtf8 = 0xffffffff;

// Bytes of the sequence that begins so, 0 where none does.
size_t sequence_size(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

char32_t decode(std::string_view text, size_t size) {
  if (size == 0 || text.size() < size) return kNotUtf8;
  char32_t character = static_cast<unsigned char>(text[0]);
  if (size > 1) character &= 0x7f >> size;
  for (size_t i = 1; i < size; ++i) {
    if ((text[i] & 0xc0) != 0x80) return kNotUtf8;
    character = character << 6 | (text[i] & 0x3f);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = character >= 0xd800 && character < 0xe000;
  return character < kSmallest[size] || character > 0x10ffff || surrogate ? kNotUtf8 : character;
}

}  // namespace

PatternText::PatternText(std::string_view utf8) {
  while (!utf8.empty()) {
    const size_t size = sequence_size(static_cast<unsigned char>(utf8[0]));
    const char32_t character = decode(utf8, size);
    if (character == kNotUtf8) throw PatternFault{characters_.size(), "is not UTF-8, which names are written in"};
    characters_ += character;
    utf8.remove_prefix(size);
  }
}

PatternToken PatternText::peek() const {
  if (at_ == characters_.size()) return {};
  if (characters_[at_] != '\\') return {characters_[at_], false};
  if (at_ + 1 == characters_.size())
    throw PatternFault{at_, "is a backslash with nothing behind it; write \\\\ for the character itself"};
  return {characters_[at_ + 1], true};
}

PatternToken PatternText::take() {
  const PatternToken token = peek();
  if (!token.ends()) at_ += token.escaped ? 2 : 1;
  return token;
}

bool PatternText::take_if(char32_t character) {
  if (!peek().is(character)) return false;
  take();
  return true;
}

std::string PatternText::take_while(std::string_view allowed, size_t most) {
  std::string taken;
  while (taken.size() < most) {
    const PatternToken next = peek();
    if (next.escaped || next.character >= 0x80 || allowed.find(static_cast<char>(next.character)) == allowed.npos)
      break;
    taken += static_cast<char>(take().character);
  }
  return taken;
}

std::string PatternText::take_until(char32_t end, const std::string& what) {
  const size_t begin = position();
  std::string taken;
  for (PatternToken token = take(); !token.is(end); token = take()) {
    if (token.ends()) throw PatternFault{begin, "begins " + what + " that never ends"};
    if (token.escaped) taken += '\\';
    append_utf8(taken, token.character);
  }
  if (taken.empty()) throw PatternFault{begin, "should be " + what};
  return taken;
}

bool is_ascii_letter(char32_t character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

void append_utf8(std::string& out, char32_t character) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  const auto put_rest = [&](int shift) { put(0x80 | (character >> shift & 0x3f)); };
  if (character < 0x80) return put(character);
  if (character < 0x800) return put(0xc0 | character >> 6), put_rest(0);
  if (character < 0x10000) return put(0xe0 | character >> 12), put_rest(6), put_rest(0);
  put(0xf0 | character >> 18), put_rest(12), put_rest(6), put_rest(0);
}

}  // namespace ckmerge
