// SPDX-License-Identifier: Apache-2.0
// Rows of the differences that an adapter makes of one tensor.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/adapters/adapter_targets.h"
#include "core/adapters/prepared_modules.h"

namespace ckmerge {

/// Which rows of a module's weight lie where in the checkpoint.
struct ModuleRows {
  uint32_t tensor = 0;  ///< index into the checkpoint's table
  ModulePlace place;
};

/// Elements of a row of `tensor`, of which a module's weight may have fewer: further channels are the tensor's alone.
uint64_t tensor_columns(const Tensor& tensor, const ModuleWeight& weight);

/// Rows of a module's weight, wherever the checkpoint has them. Both arguments' tensors must live as long as it does.
class BaseRows {
 public:
  BaseRows(std::shared_ptr<const Checkpoint> base, ModuleWeight weight, std::vector<ModuleRows> rows);
  /// As ReadRows. Throws Error(mismatch) where the checkpoint lacks one of them.
  void read(uint64_t first, uint64_t count, std::span<float> out) const;

 private:
  void read_some(const ModuleRows& from, uint64_t first, uint64_t count, std::span<float> out) const;

  std::shared_ptr<const Checkpoint> base_;
  ModuleWeight weight_;
  std::vector<ModuleRows> rows_;
};

/// A place of a tensor and what is done there.
struct MadePlace {
  ModulePlace place;
  size_t module = 0;     ///< of PreparedModules
  uint64_t rows = 0;     ///< of the module's weight
  uint64_t columns = 0;  ///< of the module's weight: at most the tensor's
  ReadRows base = {};    ///< null: its kind adds
};

/// Rows that the kind of some place makes together: the largest number, and 1 where all add.
uint64_t most_rows_together(PreparedModules& modules, std::span<const MadePlace> places);

/// Adds the difference of rows [first, first + count) of a tensor that is `columns` wide to `out`, place by place.
void add_made_rows(PreparedModules& modules, std::span<const MadePlace> places, uint64_t columns, uint64_t first,
                   uint64_t count, std::span<float> out);

}  // namespace ckmerge
