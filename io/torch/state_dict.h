// SPDX-License-Identifier: Apache-2.0
// Where in a pickle the weights are: training scripts put them beside optimizers and counters, under names of their
// own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/torch/pickle_values.h"

namespace ckmerge {

struct StateDict {
  PickleRef dict = PickleValues::kNone;
  std::string key;  ///< how it is reached from the top, with dots; empty: it is the top itself
};

/// Finds the dict of tensors, by the names that are used for it, or by `key` where that is not empty ("." is the top).
/// Throws Error(malformed) that lists what is there; Error(usage) for a key that leads to none.
StateDict find_state_dict(const PickleValues& values, PickleRef top, std::string_view key);

/// What a value is, for a person: "a dict of 3", "an integer", "an object of pathlib.PosixPath".
std::string description(const PickleValues& values, PickleRef value);

}  // namespace ckmerge
