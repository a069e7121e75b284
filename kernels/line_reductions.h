// SPDX-License-Identifier: Apache-2.0
// Reductions over rows and columns of what programs make of their operands. A row is summed as a tensor is: in lanes by
// the index in the row, cut where the tensor's reduction blocks begin. A column's products are added one after another.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/lines.h"
#include "kernels/reductions.h"

namespace ckmerge {

/// What is reduced: sums of products with `factor`, or of the values where that is null, or the largest magnitude.
struct LineValues {
  const ReducedValues& values;
  const Program* factor = nullptr;
  bool maximum = false;
};

/// Of one row, what has been added up so far.
struct RowPart {
  LaneSums sums = {};
  uint64_t key = 0;  ///< of the largest magnitude

  double number(bool maximum, Dtype compute) const;
};

/// Adds elements to the row that they begin in, from its element `at` on, and appends the numbers of those rows that
/// end; `part` is what there is of the last one, as it was of the first. REQUIRES: elements follow each other
/// (Places::inner).
void reduce_rows(const BlockKernels& kernels, const LineValues& of, uint64_t length, uint64_t at, RowPart& part,
                 std::vector<double>& ended) noexcept;

/// Adds elements to the numbers of their columns, of which `columns` has those from `first_column` on. A maximum that
/// is NaN stays. REQUIRES: as reduce_rows().
void reduce_columns(const BlockKernels& kernels, const LineValues& of, const Lines& lines, uint64_t first_column,
                    double* columns) noexcept;

}  // namespace ckmerge
