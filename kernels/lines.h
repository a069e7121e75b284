// SPDX-License-Identifier: Apache-2.0
// Lines of a tensor: its rows, which are the vectors of the last axis, or its columns, those along the first one. A
// vector is one row and one column, and so is a scalar. What a method knows of each line comes to its formula as one
// more number for every element (Op::line), put into a register block by block, so that no ISA has a kernel for it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ckmerge {

/// What a reduction goes over.
enum class Over : uint8_t {
  tensor,   ///< all elements of a tensor
  rows,     ///< each vector of the last axis by itself
  columns,  ///< each vector along the first axis by itself
};

/// Line `of(i)` has element i. Elements of a line lie `inner` apart, which is 1 in rows.
struct Lines {
  uint64_t length = 1;  ///< elements of a line
  uint64_t inner = 1;

  bool are_rows() const { return inner == 1; }
  uint64_t of(uint64_t element) const { return are_rows() ? element / length : element % inner; }
  uint64_t count(uint64_t elements) const { return elements / length; }

  friend bool operator==(const Lines&, const Lines&) = default;
};
/// REQUIRES: not Over::tensor, and no dimension is 0.
Lines lines_of(Over over, std::span<const uint64_t> shape);

/// A number of each line, of lines from `first` on.
struct LineNumbers {
  const double* values = nullptr;
  uint64_t first = 0;
  Lines lines = {};

  /// Writes those of n elements of the tensor, of which `place` is the first, each rounded once to the type.
  template <typename Value>
  void put(uint64_t place, size_t n, Value* into) const {
    uint64_t line = lines.of(place);
    if (!lines.are_rows() || lines.length == 1) {
      for (size_t done = 0; done < n;) {
        const uint64_t left = lines.are_rows() ? n : lines.inner - line;
        const size_t part = static_cast<size_t>(std::min<uint64_t>(n - done, left));
        for (size_t i = 0; i < part; ++i) into[done + i] = static_cast<Value>(values[line - first + i]);
        done += part;
        line = 0;
      }
      return;
    }
    for (size_t done = 0, part = 0; done < n; done += part, ++line) {
      const uint64_t left = done == 0 ? lines.length - place % lines.length : lines.length;
      part = static_cast<size_t>(std::min<uint64_t>(n - done, left));
      std::fill_n(into + done, part, static_cast<Value>(values[line - first]));
    }
  }
};

}  // namespace ckmerge
