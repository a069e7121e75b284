// SPDX-License-Identifier: Apache-2.0
// A pattern's characters as Python's `re` takes them: one at a time, a backslash together with what follows it (so that
// "\)" does not end a comment, and "\]" no set).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ckmerge {

/// What is wrong with a pattern: a clause, and the index of the character, from 0.
struct PatternFault {
  size_t at;
  std::string clause;
};

struct PatternToken {
  static constexpr char32_t kEnd = 0xffffffff;
  char32_t character = kEnd;
  bool escaped = false;
  bool is(char32_t c) const { return character == c && !escaped; }
  bool ends() const { return character == kEnd; }
};

class PatternText {
 public:
  /// Throws PatternFault when it is not UTF-8.
  explicit PatternText(std::string_view utf8);

  size_t position() const { return at_; }
  void go_back(size_t position) { at_ = position; }

  /// The next token, left where it is. Throws PatternFault for a backslash at the end.
  PatternToken peek() const;
  PatternToken take();
  bool take_if(char32_t character);  ///< takes the next token if it is this character, not escaped
  /// At most `most` ASCII characters of `allowed`.
  std::string take_while(std::string_view allowed, size_t most);
  /// What precedes `end`, which is taken too; throws PatternFault when that is nothing, or when there is no `end`.
  std::string take_until(char32_t end, const std::string& what);

 private:
  std::u32string characters_;
  size_t at_ = 0;
};

bool is_ascii_letter(char32_t character);
void append_utf8(std::string& out, char32_t character);

}  // namespace ckmerge
