// SPDX-License-Identifier: Apache-2.0
// What a checkpoint is of, for lists and reports: the guess of core/names/architecture, and where that knows nothing,
// such as of tiny models, the families that names tell.
#pragma once

#include "core/names/architecture.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

ArchitectureGuess tell_architecture(const Checkpoint& checkpoint);

}  // namespace ckmerge
