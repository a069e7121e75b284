// SPDX-License-Identifier: Apache-2.0
// Which words of a request stand for checkpoints.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/options/request.h"

namespace ckmerge::cli {

/// Operands, components and adapters of `request`, for those who put paths in their places.
std::vector<std::string*> checkpoint_words(Request& request);

/// Where in such a word the path begins: of `run` behind LETTER=, beside a formula behind NAME=.
size_t path_in(const std::string& word, const Request& request);

}  // namespace ckmerge::cli
