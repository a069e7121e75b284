// SPDX-License-Identifier: Apache-2.0
// What is said of the dicts of a pickle that were taken, and of all that was left behind.
#pragma once

#include "io/table/checkpoint.h"
#include "io/torch/average_dicts.h"

namespace ckmerge {

/// Of the average and its weights: which was taken, and how the other is. `pair` is null where no row fits.
void note_averages(Checkpoint& checkpoint, const AveragePair* pair);

/// Of every dict and list of tensors that was not taken, and of values beside them; fills checkpoint.beside.
void note_others(const PickleValues& values, PickleRef top, const AveragePair* pair, Checkpoint& checkpoint);

/// That DeepSpeed's 16-bit weights are roundings of masters which lie elsewhere.
void note_masters(const PickleValues& values, PickleRef top, PickleRef taken, Checkpoint& checkpoint);

}  // namespace ckmerge
