// SPDX-License-Identifier: Apache-2.0
// --lora FILE[:STRENGTH][:SELECTOR=STRENGTH...]
#pragma once

#include <string>

#include "cli/options/option.h"

namespace ckmerge::cli {

/// Adds to Settings::adapters.
Reader read_adapter();

/// Takes such a word apart. What ends in no number and in no SELECTOR=NUMBER is the path. Throws Error(usage) for a
/// strength that is no number.
AdapterWord parse_adapter_word(const std::string& option, const std::string& text);

/// The same word again, its strength with it.
std::string adapter_text(const AdapterWord& word);

/// "0.8, te 0.2": the strengths alone.
std::string strength_text(const AdapterUse& use);

}  // namespace ckmerge::cli
