// SPDX-License-Identifier: Apache-2.0
// Of two checkpoints' names, those that one of them alone has.
#pragma once

#include <cstdint>
#include <vector>

#include "io/table/tensor_table.h"

namespace ckmerge {

/// Rows, ascending.
struct LackingNames {
  std::vector<uint32_t> of_first, of_other;  ///< rows of each whose names the other lacks

  /// Whether there is anything that could be the other's under another name.
  bool on_both_sides() const { return !of_first.empty() && !of_other.empty(); }
};

/// Whether the tables share their names and shapes (TensorTable::share_names), so that they need not be compared.
bool have_one_description(const TensorTable& first, const TensorTable& other);

/// Linear in both; of tables that share their names nothing is compared. REQUIRES: both are sorted.
LackingNames lacking_names(const TensorTable& first, const TensorTable& other);

}  // namespace ckmerge
