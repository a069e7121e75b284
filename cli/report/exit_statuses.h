// SPDX-License-Identifier: Apache-2.0
// What exit statuses mean, as --help and the manual page tell it. io/text/error.h has the codes themselves.
#pragma once

namespace ckmerge::cli {

struct ExitStatus {
  const char *codes, *meaning;
};

inline constexpr ExitStatus kExitStatuses[] = {
    {"0", "done"},
    {"1", "run-time error"},
    {"2", "usage"},
    {"3", "bad input file"},
    {"4", "checkpoints do not fit together"},
    {"5", "not enough disk or memory"},
    {"6", "a difference was found"},
    {"130 or 143", "interrupted"},
};

}  // namespace ckmerge::cli
