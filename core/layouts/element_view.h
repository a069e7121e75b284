// SPDX-License-Identifier: Apache-2.0
// A tensor that is made of others: its shape, and where its elements lie in the files, in order. Cutting, joining and
// turning make views of views; no element is touched.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "io/table/tensor_table.h"

namespace ckmerge {

class ElementView {
 public:
  explicit ElementView(Dtype dtype) : dtype_(dtype) {}
  ElementView(const TensorTable& tensors, size_t index);

  Dtype dtype() const { return dtype_; }
  const std::vector<uint64_t>& shape() const { return shape_; }
  uint64_t count() const;

  /// Gives it another shape of as many elements.
  void reshape(std::vector<uint64_t> shape) { shape_ = std::move(shape); }
  /// Appends the elements of `other`; the shape is set by reshape() then.
  void append(const ElementView& other);
  /// Rows [first, end) along dimension 0. REQUIRES: it has them.
  ElementView rows(uint64_t first, uint64_t end) const;
  /// Changes the places of the halves along dimension 0. REQUIRES: it is even.
  ElementView swapped() const;
  /// Changes the places of the two last dimensions into `out`. REQUIRES: there are two. False: the elements of matrices
  /// lie in several pieces, and turned they would be too many.
  bool transpose(ElementView& out) const;

  void add_to(TensorTable& tensors, std::string_view name) const;

 private:
  struct Run {
    uint64_t count = 0;  // elements
    uint32_t shard = 0;
    uint64_t offset = 0;                   // in bytes, of the first
    std::vector<uint64_t> shape, strides;  // empty: in order
  };
  void append(Run run);
  void append_elements(const Run& run, uint64_t first, uint64_t end);
  bool append_turned(const Run& run, uint64_t height, uint64_t width);
  bool append_columns(const ElementView& matrix, uint64_t width);
  void append_box(const Run& run, uint64_t first, uint64_t end, size_t axis, uint64_t offset);

  Dtype dtype_;
  std::vector<uint64_t> shape_;
  std::vector<Run> runs_;
};

}  // namespace ckmerge
