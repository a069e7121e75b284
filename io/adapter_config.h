// SPDX-License-Identifier: Apache-2.0
// The adapter_config.json that PEFT writes beside an adapter: it tells kinds whose tensors' names do not, and what
// scales them.
#pragma once

#include <optional>

#include "io/table/checkpoint.h"
#include "io/text/json_value.h"

namespace ckmerge {

/// What adapter_config.json, in the folder of `checkpoint` or its file, says; none where there is none, or it does not
/// belong to the checkpoint: this is in memory, or neither called as PEFT calls adapters nor are its tensors. Throws
/// Error(malformed) for one that is no JSON object or has more than a MiB, Error(io). Reads no tensor.
std::optional<JsonValue> adapter_config(const Checkpoint& checkpoint);

/// Judges `checkpoint` an adapter of the kind that its adapter_config() names, where nothing else was found of it. A
/// config that cannot be read says nothing.
void judge_by_adapter_config(Checkpoint& checkpoint);

}  // namespace ckmerge
