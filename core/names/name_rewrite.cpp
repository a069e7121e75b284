// SPDX-License-Identifier: Apache-2.0
#include "core/names/name_rewrite.h"

#include <re2/re2.h>

#include "core/names/name_pattern.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {

NameRewrite::NameRewrite(const std::string& where, std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    throw Error(ErrorCode::usage, where,
                sentence(where, " '", text, "' is not of the form REGEX=REPLACEMENT, such as '^net\\.=model.'"));
  const NamePattern known(where, std::string(text.substr(0, equals)));  // its limits, and its words for what is wrong
  RE2::Options options = known.compiled().options();
  options.set_never_capture(false);
  pattern_ = std::make_unique<RE2>(known.text(), options);
  replacement_ = text.substr(equals + 1);
  std::string fault;
  if (!pattern_->CheckRewriteString(replacement_, &fault))
    throw Error(ErrorCode::usage, where,
                sentence(where, " '", text, "': its replacement is wrong: ", fault,
                         "; \\1 to \\9 stand for the groups of the pattern, \\\\ for a backslash"));
}
NameRewrite::NameRewrite(NameRewrite&&) noexcept = default;
NameRewrite::~NameRewrite() = default;

bool NameRewrite::apply(std::string& name) const { return RE2::GlobalReplace(&name, *pattern_, replacement_) > 0; }

}  // namespace ckmerge
