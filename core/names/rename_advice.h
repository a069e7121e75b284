// SPDX-License-Identifier: Apache-2.0
// Which --rename does what a prefix swap says, to the names that it is of and to no other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/names/prefix_swap.h"

namespace ckmerge {

/// REGEX=REPLACEMENT for each of the shortest prefixes, `swap.strip` or longer by whole components, under which `from`
/// has no name that is one of `to` already and none that would get another's name of `from`. At most four; none where
/// more are needed. Linear in `from` for each prefix that is tried.
std::vector<std::string> rename_advice(const PrefixSwap& swap, NamedRows from, const TensorTable& to);

}  // namespace ckmerge
