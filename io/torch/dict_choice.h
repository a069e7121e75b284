// SPDX-License-Identifier: Apache-2.0
// Which of a pickle's dicts of tensors are the checkpoint: by key, by the table of averages, by name; and what is said
// of the others.
#pragma once

#include <string>
#include <vector>

#include "io/table/checkpoint.h"
#include "io/torch/state_dict.h"

namespace ckmerge {

struct DictChoice {
  std::vector<StateDict> taken;             ///< whose members are the tensors; no name is in two of them
  PickleRef buffers = PickleValues::kNone;  ///< whose running statistics and integers take the place of the taken ones
};

/// Fills checkpoint.key, dicts, beside, average_taken and notes. Throws Error(usage) for a key that leads nowhere,
/// Error(malformed) where another dict has weights of other names, unless options.key says what is meant, and where a
/// name is in two dicts that are joined; Error(mismatch) where options.ema asks for what the file has not.
DictChoice choose_dicts(const PickleValues& values, PickleRef top, const OpenOptions& options, Checkpoint& checkpoint);

}  // namespace ckmerge
