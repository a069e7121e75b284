// SPDX-License-Identifier: Apache-2.0
// Numbers as people type and read them. Parsing is strict and knows no locale: the whole word is the number, or it is
// an Error(usage) that names the option. `0,5` must never merge with alpha 0.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/text/sentence.h"  // number_text()

namespace ckmerge::cli {

/// A finite number. `option` is how the message calls it ("--alpha").
double parse_number(std::string_view option, std::string_view text);

/// Numbers separated by commas, at least one.
std::vector<double> parse_numbers(std::string_view option, std::string_view text);

/// A whole number from `least` to `most`.
uint64_t parse_count(std::string_view option, std::string_view text, uint64_t least, uint64_t most);

}  // namespace ckmerge::cli
