// SPDX-License-Identifier: Apache-2.0
// A walk over all rows of a weight in their order, some at a time: for kinds that have to see the whole before they can
// make any row of it.
#pragma once

#include <algorithm>
#include <vector>

#include "core/adapters/adapter_kind.h"

namespace ckmerge {

class AllRows {
 public:
  /// Rows are read so many times `group` at a time.
  AllRows(const ModuleWeight& weight, const ReadRows& base, uint64_t group = 1)
      : base_(base), rows_(weight.rows()), columns_(weight.columns()), part_(part(weight, group)) {}

  /// Calls `take(first, count, rows)`, which may change what it is given.
  void visit_parts(const auto& take) {
    std::vector<float> rows(part_ * columns_);
    for (uint64_t first = 0; first < rows_; first += part_) {
      const uint64_t count = std::min(part_, rows_ - first);
      const std::span<float> here = std::span(rows).first(count * columns_);
      base_(first, count, here);
      take(first, count, here);
    }
  }

  /// Calls `take(row, values)`.
  void visit(const auto& take) {
    visit_parts([&](uint64_t first, uint64_t count, std::span<float> rows) {
      for (uint64_t i = 0; i < count; ++i)
        take(first + i, std::span<const float>(rows.subspan(i * columns_, columns_)));
    });
  }

  static uint64_t memory(const ModuleWeight& weight, uint64_t group = 1) {
    return part(weight, group) * weight.columns() * sizeof(float);
  }

 private:
  // Some 1 MiB, whole groups.
  static uint64_t part(const ModuleWeight& weight, uint64_t group) {
    const uint64_t fit = std::max<uint64_t>(1, (uint64_t{1} << 18) / std::max<uint64_t>(1, weight.columns()));
    return std::min(weight.rows(), (fit + group - 1) / group * group);
  }

  const ReadRows& base_;
  uint64_t rows_, columns_, part_;
};

}  // namespace ckmerge
