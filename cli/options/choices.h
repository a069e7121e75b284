// SPDX-License-Identifier: Apache-2.0
// Values out of a short list: policies, shells, ways of showing progress.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ckmerge::cli {

/// Where `word` is in `choices`. Throws Error(usage) that names `option`, lists the choices and suggests the nearest.
size_t choice_index(const std::string& option, std::string_view word, const std::vector<std::string>& choices);

}  // namespace ckmerge::cli
