// SPDX-License-Identifier: Apache-2.0
#include "io/text/utf8.h"

#include <array>

namespace ckmerge {

Utf8Character decode_utf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  uint32_t code_point = lead & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code_point = code_point << 6 | (byte(i) & 0x3f);
  }
  constexpr std::array<uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xd800 && code_point < 0xe000;
  if (code_point < kSmallest[size] || surrogate || code_point > 0x10ffff) return {};
  return {code_point, size};
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t size = decode_utf8(text.substr(i)).size;
    if (size == 0) return false;
    i += size;
  }
  return true;
}

std::string valid_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t size = decode_utf8(text.substr(i)).size;
    out += size == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(i, size);
    i += size == 0 ? 1 : size;
  }
  return out;
}

}  // namespace ckmerge
