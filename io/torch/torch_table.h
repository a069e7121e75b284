// SPDX-License-Identifier: Apache-2.0
// From a pickle to a tensor table: what both forms of torch's files have in common.
#pragma once

#include <functional>

#include "io/pickle/pickle_values.h"
#include "io/table/checkpoint.h"
#include "io/torch/torch_tensor.h"

namespace ckmerge {

/// The offset in the file of a storage's first byte. Throws Error(malformed) when it is not there, or not whole.
using LocateStorage = std::function<uint64_t(const TorchStorage&)>;

/// Fills checkpoint.tensors, key and notes. REQUIRES: run_judged() gave `top`.
void fill_from_pickle(const PickleValues& values, PickleRef top, const LocateStorage& locate,
                      const OpenOptions& options, Checkpoint& checkpoint);

}  // namespace ckmerge
