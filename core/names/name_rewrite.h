// SPDX-License-Identifier: Apache-2.0
// A rule that gives tensors other names: a name pattern, and what is put where it matches.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace ckmerge {

class NameRewrite {
 public:
  /// `text` is REGEX=REPLACEMENT, split at the first `=`; in REPLACEMENT \1 to \9 are what groups of REGEX matched, \0
  /// is the whole match and \\ a backslash. Throws Error(usage) that names `where` (the option) and what is wrong.
  NameRewrite(const std::string& where, std::string_view text);
  NameRewrite(NameRewrite&&) noexcept;
  ~NameRewrite();

  /// Replaces every match in `name`. False where there is none; `name` is then as it was.
  bool apply(std::string& name) const;

 private:
  std::unique_ptr<re2::RE2> pattern_;
  std::string replacement_;
};

}  // namespace ckmerge
