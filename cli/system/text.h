// SPDX-License-Identifier: Apache-2.0
// Text for people: names, paths and messages made safe for a terminal, and suggestions for misspelt words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge::cli {

/// `text` with everything that a terminal would act on made visible: control characters (\n, \x1b, \u0085),
/// bidirectional overrides and line separators (\u202e), bytes that are not UTF-8 (\xff). Tensor names come from files
/// that strangers made, so nothing is printed without passing here.
std::string visible(std::string_view text);

/// `text` in one line of at most `width` code points, visible, ended by "..." where it was cut.
std::string shortened(std::string_view text, size_t width);

/// Names and sentences are cut to so many code points for people: a file may name a tensor with megabytes. --json has
/// all.
inline constexpr size_t kNameWidth = 200, kSentenceWidth = 1000;

/// The member of `known` that `typed` probably meant (its beginning, or few edits away), or empty.
std::string nearest(std::string_view typed, const std::vector<std::string>& known);

/// "; did you mean 'X'?" with `prefix` before X, or nothing when no known word is near.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& known, std::string_view prefix = "");

/// "1 tensor", "1,234 tensors".
std::string counted(uint64_t count, std::string_view noun);

/// 1234567 as "1,234,567".
std::string grouped(uint64_t number);

std::string joined(const std::vector<std::string>& parts, std::string_view separator);

/// A, B, C, ... for the checkpoints of a merge, in the formulas' spelling; #27 and on after Z.
std::string letter(size_t checkpoint);

/// Long lists show this many entries and a count; --json has them all.
inline constexpr size_t kListed = 20;

}  // namespace ckmerge::cli
