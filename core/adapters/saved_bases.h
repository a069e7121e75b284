// SPDX-License-Identifier: Apache-2.0
// Weights that PEFT saved below a module's factors (`base_layer.weight`, of embeddings): it puts them in the place of
// the model's before it adds anything.
#pragma once

#include <string>
#include <vector>

#include "core/adapters/adapter.h"
#include "core/adapters/module_entries.h"

namespace ckmerge {

/// Makes replacements of those that are vocabularies to which tokens were added, the checkpoint's rows first: the
/// result has them whole, and what the adapter adds is added to them. Reads them. Throws as InputFile::read_at().
void replace_grown_bases(Adapter& adapter, const Checkpoint& checkpoint);

/// A clause for each of the adapter's that is not the checkpoint's weight, but for the roundings of a dtype of fewer
/// bits. Reads both, where there are any. Throws as InputFile::read_at().
std::vector<std::string> unlike_bases(const Adapter& adapter, const Checkpoint& checkpoint,
                                      const ModuleEntries& modules);

}  // namespace ckmerge
