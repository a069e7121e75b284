// SPDX-License-Identifier: Apache-2.0
// The adapter_config.json that PEFT writes beside an adapter: it tells kinds whose tensors' names do not.
#pragma once

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Judges `checkpoint` an adapter of the kind that the adapter_config.json in its folder names, if it is called as
/// PEFT calls adapters, or all its tensors are, and nothing else was found of it. A config that cannot be read says
/// nothing. Reads no tensor.
void judge_by_adapter_config(Checkpoint& checkpoint);

}  // namespace ckmerge
