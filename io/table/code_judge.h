// SPDX-License-Identifier: Apache-2.0
// Whether tensors are codes, tensor by tensor, by the rows of io/table/code_rows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/table/code_rows.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

class CodeJudge {
 public:
  /// REQUIRES: `tensors` are sorted by name, and outlive the judge.
  explicit CodeJudge(const TensorTable& tensors);

  /// The row that the tensor at `index` fits, or null where it is numbers. Names of one module lie side by side, so
  /// that companions are looked for nearby; a tensor that has no neighbour of its module costs a few comparisons.
  const CodeRow* row_of(size_t index) const;

  /// "x.weight is I8, beside x.SCB": why `row` fits the tensor at `index`.
  std::string evidence(size_t index, const CodeRow& row) const;

 private:
  struct Place;  // of a tensor: its name, taken apart for one row
  bool fits(const CodeRow& row, const Place& place) const;
  bool is_there(const Companion& companion, const Place& place) const;
  bool has_siblings(size_t index, std::string_view stem) const;
  size_t find_near(size_t index, std::string_view name) const;

  const TensorTable& tensors_;
  std::vector<const CodeRow*> alone_, accompanied_;  // rows without and with companions, in order
};

}  // namespace ckmerge
