// SPDX-License-Identifier: Apache-2.0
// Whether tensors are codes, tensor by tensor, by the rows of io/table/code_rows.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/table/code_rows.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

/// For one thread.
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
  struct Place;                              // of a tensor: its name, taken apart
  using Rows = std::vector<const CodeRow*>;  // in the order of the table
  struct LeafRows {
    Rows all, alone;  // alone: those that need no companion
    void add(const CodeRow& row);
  };
  bool fits(const CodeRow& row, Place& place) const;
  bool is_there(const Companion& companion, const Place& place) const;
  bool has_siblings(size_t index, std::string_view stem) const;
  size_t find_near(size_t index, std::string_view name) const;

  const TensorTable& tensors_;
  std::unordered_map<std::string_view, LeafRows> rows_;  // by the last part of names; with those that take any name
  LeafRows others_;                                      // for last parts that no row is about
  mutable std::string name_;                             // of a companion: one buffer for all
};

}  // namespace ckmerge
