// SPDX-License-Identifier: Apache-2.0
// Shares of elements as mergekit holds them against its random numbers: rounded to bfloat16 where it works in that.
#pragma once

#include <span>
#include <string>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// `dtype` is the configuration's, or empty: then each tensor has that of its inputs.
bool works_in_bf16(const std::string& dtype, std::span<const Checkpoint> checkpoints);

/// `share` in bfloat16. One below 1 that is rounded to 1 is drawn for all the same, and so stays below it.
double drawn_share(double share);

}  // namespace ckmerge
