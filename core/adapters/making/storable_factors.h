// SPDX-License-Identifier: Apache-2.0
// Whether a dtype can hold the factors that were made.
#pragma once

#include "core/adapters/making/made_adapter.h"
#include "kernels/dtype.h"

namespace ckmerge {

/// Makes what `module` makes, but throws Error(mismatch) where elements of its factors are too large for `dtype`, and
/// where those of one of them are so small that it would hold zeros alone.
MadeModule checked_for(MadeModule module, Dtype dtype);

}  // namespace ckmerge
