// SPDX-License-Identifier: Apache-2.0
// `--ema use` where names change: averages are found by the names that a file has, before it gets others.
#pragma once

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Puts each average of `checkpoint` (model_ema.) in the place of its weight and leaves the others out, with a note;
/// nothing is done where there are none. Throws Error(mismatch) where an average has another shape than its weight, or
/// is that of two.
void take_averages(Checkpoint& checkpoint);

}  // namespace ckmerge
