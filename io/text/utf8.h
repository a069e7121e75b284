// SPDX-License-Identifier: Apache-2.0
// UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. Headers are UTF-8 and paths need not be,
// so whatever goes from a path or an argument into a header passes here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ckmerge {

struct Utf8Character {
  uint32_t code_point = 0;
  size_t size = 0;  ///< bytes; 0 when they are not UTF-8
};

/// The character at the front of `text`. REQUIRES: !text.empty().
Utf8Character decode_utf8(std::string_view text);

bool is_utf8(std::string_view text);

/// `text` with U+FFFD in place of each byte that is not part of a character.
std::string valid_utf8(std::string_view text);

}  // namespace ckmerge
