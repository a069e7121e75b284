// SPDX-License-Identifier: Apache-2.0
// Rows that a model has not: those of another model, averages, zeros, made when they are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/vocabulary/token_rows.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// A tensor as one of the models has it.
struct ModelRows {
  std::shared_ptr<const Checkpoint> part = {};  ///< null: it has no such tensor
  size_t index = 0;                             ///< in the table of `part`
  uint64_t row_count = 0;                       ///< elements of a row
  Dtype dtype = Dtype::F32;
};

/// What GatheredRows::other of model `model` is. Averages and rows of another dtype are computed in f64 and rounded
/// once. REQUIRES: rows of all are equally long, and of real dtypes or of one.
std::function<void(uint64_t row, std::byte* out)> made_rows(std::shared_ptr<const TokenRows> rows,
                                                            std::shared_ptr<const std::vector<ModelRows>> models,
                                                            size_t model);

}  // namespace ckmerge
