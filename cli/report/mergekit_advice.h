// SPDX-License-Identifier: Apache-2.0
// Sentences for who runs `ckmerge mergekit`: what mends a fault is told by options of merges, of which that command has
// some under mergekit's names, some as keys of the configuration, and others not at all.
#pragma once

#include <string>
#include <vector>

#include "io/text/error.h"

namespace ckmerge::cli {

/// `sentence` in that command's words; of an option that it lacks, which command has it.
std::string mergekit_advice(const std::string& sentence);

void take_mergekit_advice(std::vector<std::string>& warnings);

/// Throws `error` again, told so.
[[noreturn]] void rethrow_with_mergekit_advice(const Error& error);

}  // namespace ckmerge::cli
