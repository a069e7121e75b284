// SPDX-License-Identifier: Apache-2.0
// Python's escapes for one character, and its sets in brackets.
#pragma once

#include "core/name_pattern_set.h"
#include "core/name_pattern_text.h"

namespace ckmerge {

/// Whether the escaped letter is one of dDsSwW.
bool is_category(char32_t letter);

/// The character that an escape, taken at `at`, stands for. Digits are the caller's business outside sets.
char32_t escaped_character(PatternText& text, PatternToken escape, size_t at, bool in_set);

/// A number of one to three octal digits, of which `digits` were read already.
char32_t octal_character(const std::string& digits, size_t at);

/// The set whose "[" was taken at `at`.
CharacterSet take_set(PatternText& text, size_t at, bool ascii);

}  // namespace ckmerge
