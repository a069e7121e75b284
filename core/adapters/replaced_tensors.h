// SPDX-License-Identifier: Apache-2.0
// Which tensors of a checkpoint the whole tensors of an adapter take the place of.
#pragma once

#include <string>
#include <vector>

#include "core/adapters/adapter_targets.h"
#include "core/adapters/module_entries.h"

namespace ckmerge {

/// Fills `replaced`, `unplaced` and `warnings` of `targets`. Returns a line per replacement that does not fit.
std::vector<std::string> find_replaced(const Adapter& adapter, const Checkpoint& checkpoint,
                                       const ModuleEntries& modules, AdapterTargets& targets);

}  // namespace ckmerge
