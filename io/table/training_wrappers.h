// SPDX-License-Identifier: Apache-2.0
// What training wraps a module in calls every tensor inside by one name more: module. (DataParallel, DDP,
// AveragedModel), _orig_mod. (torch.compile), ema_model. and others. Readers of weights know the names without them.
#pragma once

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Takes wrappers off wherever all names of a subtree have them (`model._orig_mod.x` becomes `model.x`), in any
/// nesting, and notes what was taken off how often. Counters beside a wrapper of the whole file (`n_averaged`) do not
/// count as names. Files whose metadata lists tensors by name are left alone. Throws Error(malformed) where a tensor is
/// there under its shorter name as well. REQUIRES: the tensors are sorted by name.
void take_off_training_wrappers(Checkpoint& checkpoint);

}  // namespace ckmerge
