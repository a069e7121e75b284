// SPDX-License-Identifier: Apache-2.0
// What a pickle names, judged, and what that lets us say of its file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/pickle/pickle_machine.h"
#include "io/table/checkpoint.h"

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

/// `said`, what is wrong with a file and, behind a semicolon, what to do with it in Python: without the latter, but
/// with unsafe_clause(), where one of `globals` is unsafe.
std::string safe_advice(std::string_view said, const std::vector<PickleGlobal>& globals);

}  // namespace ckmerge
