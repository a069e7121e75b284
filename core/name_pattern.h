// SPDX-License-Identifier: Apache-2.0
// A pattern for tensor names, with the meaning of Python's re.search (PCRE2 underneath): unanchored, Unicode-aware.
// What Python refuses is refused, what PCRE2 understands differently is translated or refused, never guessed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace ckmerge {

class NamePattern {
 public:
  /// Throws Error(usage) that names `where` (the option), the pattern and the place in it that is wrong.
  NamePattern(const std::string& where, const std::string& pattern);
  NamePattern(NamePattern&&) noexcept;
  NamePattern& operator=(NamePattern&&) noexcept;
  ~NamePattern();

  /// Whether the pattern matches anywhere in `name` (valid UTF-8). Not thread-safe. Throws Error(usage) when matching
  /// takes more steps than the limit, as patterns with nested repetition can.
  bool matches(std::string_view name) const;

  const std::string& text() const;   ///< as given
  const std::string& where() const;  ///< as given

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ckmerge
