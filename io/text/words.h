// SPDX-License-Identifier: Apache-2.0
// Words of a name that a program gave: state_dict_ema has three.
#pragma once

#include <span>
#include <string_view>

namespace ckmerge {

/// Whether one of `words`, in small letters, is a word of `name`, whatever its case. Letters make a word, and whatever
/// else ends it.
bool has_word(std::string_view name, std::span<const std::string_view> words);

}  // namespace ckmerge
