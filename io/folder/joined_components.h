// SPDX-License-Identifier: Apache-2.0
// Components of a folder as one checkpoint of several shards, the name of each in front of its tensors' names.
#pragma once

#include <string>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Adds what `component`, which was opened as a checkpoint of its own, holds to `folder`: its tensors as
/// "COMPONENT.NAME", or under their own names where `prefix` is empty; its notes and globals; of its metadata what no
/// component before had. `folder`'s tensors are to be sorted when all are there.
void add_component(Checkpoint& folder, Checkpoint component, const std::string& prefix);

/// Adds a shard of the same checkpoint: what all of them note is noted once.
void add_shard(Checkpoint& checkpoint, Checkpoint shard);

}  // namespace ckmerge
