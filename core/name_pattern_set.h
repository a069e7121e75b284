// SPDX-License-Identifier: Apache-2.0
// A set of characters as Python's `re` understands it, written so that PCRE2 understands the same: categories by
// Unicode property or by code point, never by PCRE2's own \w and \s, which differ from Python's and between versions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ckmerge {

/// How letters of different case compare: PCRE2's (?i) is on for `unicode` and off for the others.
enum class CaseRule { exact, ascii, unicode };

class CharacterSet {
 public:
  void add(char32_t first, char32_t last);
  /// 'd', 's', 'w' or the capital, as in \d; `ascii`: as under the flag (?a).
  void add_category(char32_t letter, bool ascii);
  void negate() { negated_ = true; }

  /// An atom that matches one character of the set.
  std::string text(CaseRule rule) const;
  /// What PCRE2 looks through when it compiles the set, in code points.
  uint64_t count() const;

 private:
  struct Range {
    char32_t first, last;
  };
  bool has(char32_t character) const;
  std::vector<Range> with_other_cases(CaseRule rule) const;

  std::vector<Range> ranges_;
  std::string properties_;  // \p{...}
  bool no_word_ = false;    // \W: what is neither alphanumeric nor "_"
  bool no_digit_ = false;   // \D, of which "_" is a member
  bool negated_ = false;
};

/// The text of a character outside sets; an atom.
std::string character_text(char32_t character, CaseRule rule);

/// \d and the like outside sets.
std::string category_text(char32_t letter, bool ascii);

}  // namespace ckmerge
