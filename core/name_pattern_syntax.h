// SPDX-License-Identifier: Apache-2.0
// Reads a pattern by the grammar of Python's `re` (3.11) and writes it anew for PCRE2, using only what both understand
// alike. Passing the text through, with the known differences patched, was the alternative; every difference that
// nobody knew of would then have been a silent one.
#pragma once

#include <string>
#include <string_view>

#include "core/name_pattern_text.h"

namespace ckmerge {

struct TranslatedPattern {
  std::string text;  ///< for PCRE2_UTF, newline LF, no other option
  /// The pattern is these bytes, at the name's beginning or anywhere, and needs no PCRE2.
  bool is_literal = true, at_beginning = false;
  std::string literal;
};

/// Throws PatternFault.
TranslatedPattern translate_pattern(std::string_view pattern);

}  // namespace ckmerge
