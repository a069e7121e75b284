// SPDX-License-Identifier: Apache-2.0
// Tensors that another checkpoint has in another spelling (core/families/spellings) get its names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

struct EquatedNames {
  size_t count = 0;                  ///< tensors that have the first one's names now
  std::vector<std::string> changes;  ///< what of the names changed: "model.visual as visual", each once
};

/// Renames tensors of `other` that `first` lacks to names of `first` that `other` lacks where both are spellings of one
/// name, the tensors have one shape, and no further tensor on either side could be meant. REQUIRES: tables are sorted.
EquatedNames equate_names(const Checkpoint& first, Checkpoint& other);

}  // namespace ckmerge
