// SPDX-License-Identifier: Apache-2.0
// --dtype, of all tensors (f16) or of a part (vae=f32, te=keep), and --half, which is a choice of dtype too.
#pragma once

#include "cli/options/option.h"

namespace ckmerge::cli {

Reader read_dtype();

/// REQUIRES: below --dtype in the table.
Reader read_half();

}  // namespace ckmerge::cli
