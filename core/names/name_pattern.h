// SPDX-License-Identifier: Apache-2.0
// A pattern for tensor names: RE2's syntax, found anywhere in the name unless it says where. RE2 takes time linear in
// the name whatever the pattern is; what only backtracking can do (look-around, references) it does not have.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace ckmerge {

class NamePattern {
 public:
  /// Throws Error(usage) that names `where` (the option), the pattern and the place in it that is wrong.
  NamePattern(std::string where, std::string pattern);
  NamePattern(NamePattern&&) noexcept;
  NamePattern& operator=(NamePattern&&) noexcept;
  ~NamePattern();

  /// Whether the pattern matches anywhere in `name`, which should be UTF-8: other bytes are matched by no character.
  bool matches(std::string_view name) const;

  const std::string& text() const { return text_; }    ///< as given
  const std::string& where() const { return where_; }  ///< as given
  const re2::RE2& compiled() const { return *compiled_; }

 private:
  std::string where_, text_;
  std::unique_ptr<re2::RE2> compiled_;
};

}  // namespace ckmerge
