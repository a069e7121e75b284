// SPDX-License-Identifier: Apache-2.0
// The words of a formula: numbers, names and signs.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/formula/formula_fault.h"

namespace ckmerge {

struct Token {
  enum class Kind : uint8_t { number, name, sign, end };
  Kind kind = Kind::end;
  size_t at = 0;  ///< byte of the formula
  std::string_view text = {};
  double number = 0;  ///< of a number; finite

  bool is(char sign) const { return kind == Kind::sign && text[0] == sign; }
};

/// Letters, digits and underscores, no digit first; a letter is anything that ASCII has not.
bool is_formula_name(std::string_view text);

class Tokens {
 public:
  /// REQUIRES: `text` is UTF-8 and outlives this. Throws, as take() does, Error(usage) for what is no word.
  explicit Tokens(const FormulaText& text) : in_(text), text_(text.text) { take(); }

  const Token& next() const { return next_; }
  Token take();

 private:
  Token read(size_t at) const;
  Token read_number(size_t at) const;

  const FormulaText& in_;
  std::string_view text_;
  Token next_;
};

}  // namespace ckmerge
