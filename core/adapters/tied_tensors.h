// SPDX-License-Identifier: Apache-2.0
// Heads that are one with the embeddings by the model's config, though its files hold both: whoever loads them takes
// one of the two for both.
#pragma once

#include <cstdint>
#include <optional>

#include "io/table/checkpoint.h"

namespace ckmerge {

struct TiedTensors {
  uint32_t embedding = 0, head = 0;  ///< indices into the checkpoint's table
};

/// None where the config does not tie them, or one is not there. Throws Error(io) as folder_config().
std::optional<TiedTensors> tied_tensors(const Checkpoint& checkpoint);

}  // namespace ckmerge
