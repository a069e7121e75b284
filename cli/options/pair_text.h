// SPDX-License-Identifier: Apache-2.0
// Names with values as the texts of an option: NAME=VALUE, as they are typed, and another form for pairs that nobody
// could type so: whose name is empty or has a sign of equality in it, or that have a NUL in them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ckmerge::cli {

std::string pair_text(std::string_view name, std::string_view value);

/// The name and the value; empty where `text` is no pair.
std::optional<std::pair<std::string, std::string>> parse_pair(std::string_view text);

}  // namespace ckmerge::cli
