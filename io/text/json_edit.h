// SPDX-License-Identifier: Apache-2.0
// Members of an object changed in its text: all else stays as it is written, to the blank.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ckmerge {

/// The value of member `key` of the object that `text` is, as it is written; none: it has no such. Throws
/// Error(malformed) as JsonScanner does, where it is no object too. The last of several counts. Halves of UTF-16's
/// pairs may stand alone, as Python writes them.
std::optional<std::string_view> json_member(std::string_view text, std::string_view key);

/// `text` with `value`, JSON, as its member `key`, behind all others where it is new.
std::string with_json_member(std::string_view text, std::string_view key, std::string_view value);

/// The object `text` with `members`, JSON with commas between, behind its own. REQUIRES: it has none of those names.
std::string with_new_json_members(std::string_view text, std::string_view members);

}  // namespace ckmerge
