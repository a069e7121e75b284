// SPDX-License-Identifier: Apache-2.0
// Why RE2 refuses a pattern, in words that name the place and, for what RE2 lacks by design, another way.
#pragma once

#include <string>

namespace re2 {
class RE2;
}

namespace ckmerge {

/// "'PATTERN': character 5 opens a group that is never closed; ...". `refused` is a pattern that RE2 refused, or whose
/// program is too large.
std::string pattern_fault(const re2::RE2& refused);

}  // namespace ckmerge
