// SPDX-License-Identifier: Apache-2.0
// The tensors of a checkpoint as flat arrays: 10^6 tensors cost one allocation per array, not one per tensor. Numbers
// in it were checked when it was filled (invariant I5) and are trusted from then on.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/dtype.h"

namespace ckmerge {

using Shape = std::span<const uint64_t>;

/// One tensor. Views point into the table that handed it out.
struct Tensor {
  std::string_view name;  ///< UTF-8, any length, any characters
  Dtype dtype = Dtype::F32;
  Shape shape;          ///< empty for a scalar
  Shape strides = {};   ///< elements from one to the next along each dimension; empty: they lie in order
  uint32_t shard = 0;   ///< which file of the checkpoint
  uint64_t offset = 0;  ///< bytes from the start of that file, of the first element
  uint64_t size = 0;    ///< bytes of all elements, each counted once, wherever they lie
  uint64_t count = 0;   ///< elements
};

class TensorTable {
 public:
  /// Appends one tensor. REQUIRES: count and size agree with shape and dtype (the caller checked).
  void add(std::string_view name, Dtype dtype, Shape shape, uint32_t shard, uint64_t offset, uint64_t size,
           uint64_t count);

  /// Appends one whose elements do not lie in order: a view of a storage that may share it with others. Its dimensions
  /// and strides are one array more, and it costs nothing where there is none. REQUIRES: besides, that every element
  /// lies within the file.
  void add_view(std::string_view name, Dtype dtype, Shape shape, Shape strides, uint32_t shard, uint64_t offset,
                uint64_t size, uint64_t count);

  size_t size() const { return rows_.size(); }
  Tensor operator[](size_t index) const;

  /// Sorts rows by name (UTF-8 bytes) so that find() works, and returns the indices, after sorting, of rows whose name
  /// is that of the row before. Equal names keep the order of their add().
  std::vector<size_t> sort_by_name();

  /// Index of the tensor called `name`, or npos. REQUIRES: sort_by_name().
  size_t find(std::string_view name) const;
  static constexpr size_t npos = SIZE_MAX;

  /// Calls every tensor what `new_name` makes of its name, and removes those that it makes an empty one of. Sorts, and
  /// returns what sort_by_name() returns.
  std::vector<size_t> rename(const std::function<std::string(std::string_view)>& new_name);

  /// Bytes this table holds: the plan's share of memory is reported from it.
  uint64_t memory() const;

 private:
  struct Row {
    uint64_t name_begin, shape_begin;
    uint64_t offset, size, count;
    uint32_t name_size, shard;
    uint32_t rank;
    Dtype dtype;
    bool strided;  // as many strides as dimensions follow the shape
  };
  std::string_view name_of(const Row& row) const { return {names_.data() + row.name_begin, row.name_size}; }
  void put_in_order(std::vector<uint32_t> order);

  std::vector<Row> rows_;
  std::string names_;             // all names, one after another
  std::vector<uint64_t> shapes_;  // all dimensions (and strides), one shape after another
};

}  // namespace ckmerge
