// SPDX-License-Identifier: Apache-2.0
// Pickles that are no checkpoint of torch.save: whose they are, by the classes and functions that they name, and the
// way to use them.
#pragma once

#include <span>
#include <string_view>

#include "io/table/pickle_global.h"

namespace ckmerge {

/// One clause for a person, or empty: nothing that is known.
std::string_view other_pickle_kind(std::span<const PickleGlobal> globals);

}  // namespace ckmerge
