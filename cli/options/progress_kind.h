// SPDX-License-Identifier: Apache-2.0
// --progress: the ways of showing how far the work is.
#pragma once

#include <cstdint>
#include <string_view>

#include "cli/system/system.h"

namespace ckmerge::cli {

enum class ProgressKind : uint8_t { none, bar, plain, json };

/// `word` is auto, bar, plain, json or none. A terminal that knows no escape sequences gets lines instead of a bar.
/// Throws Error(usage).
ProgressKind parse_progress(std::string_view word, const Environment& environment);

}  // namespace ckmerge::cli
