// SPDX-License-Identifier: Apache-2.0
// --progress: the ways of showing how far the work is.
#pragma once

#include <cstdint>

#include "cli/system/system.h"

namespace ckmerge::cli {

/// What can be asked for.
enum class ProgressChoice : uint8_t { automatic, bar, plain, json, none };

/// What is shown.
enum class ProgressKind : uint8_t { none, bar, plain, json };

/// A terminal that knows no escape sequences gets lines instead of a bar.
ProgressKind progress_kind(ProgressChoice choice, const Environment& environment);

}  // namespace ckmerge::cli
