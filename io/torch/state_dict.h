// SPDX-License-Identifier: Apache-2.0
// Where in a pickle the weights are: training scripts put them beside optimizers and counters, under names of their
// own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/pickle/pickle_values.h"

namespace ckmerge {

struct StateDict {
  PickleRef dict = PickleValues::kNone;
  std::string key;  ///< how it is reached from the top, with dots; empty: it is the top itself
};

/// Finds the dict of tensors, by the names that are used for it. Throws Error(malformed) that lists what is there.
StateDict find_state_dict(const PickleValues& values, PickleRef top);

/// The same below `from`; its dict is kNone where there is none.
StateDict search_state_dict(const PickleValues& values, const StateDict& from);

/// The dicts of tensors that `key` leads to: one, or several with commas between them; "." is the top. Throws
/// Error(usage) for a key that leads to none.
std::vector<StateDict> dicts_at(const PickleValues& values, PickleRef top, std::string_view key);

/// What `key` leads to, whole or in parts, since names may have dots themselves; kNone where it leads nowhere.
PickleRef follow(const PickleValues& values, PickleRef from, std::string_view key);

/// What a value is, for a person: "a dict of 3", "an integer", "an object of pathlib.PosixPath".
std::string description(const PickleValues& values, PickleRef value);

}  // namespace ckmerge
