// SPDX-License-Identifier: Apache-2.0
// What a checkpoint says about itself: texts by key.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ckmerge {

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// Sorts by key, and keeps of equal keys the last.
void keep_last_of_equal_keys(Metadata& metadata);

/// The entries in the order of their keys.
std::vector<const Metadata::value_type*> entries_by_key(const Metadata& metadata);

}  // namespace ckmerge
