// SPDX-License-Identifier: Apache-2.0
// Averages that lie under a prefix of their own in one dict with the weights: ema-pytorch's, torch's AveragedModel's.
// ldm's model_ema. is not among them: its names have no dots, and a plan puts each in its weight's place.
#pragma once

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Takes the tensors that `ema` asks for, under the weights' names, without the wrapper's counters; notes what was
/// done, or where the average is. Throws Error(mismatch) where nothing would be left, Error(malformed) where two
/// tensors would have one name.
void take_average_names(Checkpoint& checkpoint, EmaPolicy ema);

}  // namespace ckmerge
