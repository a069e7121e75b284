// SPDX-License-Identifier: Apache-2.0
// Texts as YAML has them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ckmerge {

/// `text` as a scalar that is a string to every reader of YAML: as it is where that is plain, else in double quotes.
/// REQUIRES: it is UTF-8.
std::string yaml_scalar(std::string_view text);

/// "[A, B]" of scalars that are written already.
std::string yaml_list(std::span<const std::string> scalars);

}  // namespace ckmerge
