// SPDX-License-Identifier: Apache-2.0
// From a pickle to a tensor table: what both forms of torch's files have in common.
#pragma once

#include <functional>

#include "io/pickle/pickle_machine.h"
#include "io/table/checkpoint.h"
#include "io/torch/torch_tensor.h"

namespace ckmerge {

/// Runs `machine`. What its pickle names is judged whether it can be read to its end or not: a file that breaks off
/// behind a call has made that call in Python. Adds to checkpoint.globals; throws Error(malformed), or PickleEndsEarly
/// where nothing unsafe came before the end. With `may_go_on` the end is only that of what was read of the file.
PickleRef run_judged(PickleMachine& machine, const OpenOptions& options, Checkpoint& checkpoint,
                     bool may_go_on = false);

/// Throws Error(malformed) where one of `globals` is unsafe.
void refuse_unsafe(const std::vector<PickleGlobal>& globals);

/// "; it would run X in programs that load it with Python", or empty: nothing is unsafe.
std::string unsafe_clause(const std::vector<PickleGlobal>& globals);

/// The offset in the file of a storage's first byte. Throws Error(malformed) when it is not there, or not whole.
using LocateStorage = std::function<uint64_t(const TorchStorage&)>;

/// Fills checkpoint.tensors, key and notes. REQUIRES: run_judged() gave `top`.
void fill_from_pickle(const PickleValues& values, PickleRef top, const LocateStorage& locate,
                      const OpenOptions& options, Checkpoint& checkpoint);

}  // namespace ckmerge
