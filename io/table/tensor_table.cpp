// SPDX-License-Identifier: Apache-2.0
#include "io/table/tensor_table.h"

#include <algorithm>

#include "io/table/name_order.h"

namespace ckmerge {

void TensorTable::add(std::string_view name, Dtype dtype, Shape shape, uint32_t shard, uint64_t offset, uint64_t size,
                      uint64_t count) {
  rows_.push_back({.name_begin = names_.size(),
                   .shape_begin = shapes_.size(),
                   .offset = offset,
                   .size = size,
                   .count = count,
                   .name_size = static_cast<uint32_t>(name.size()),
                   .shard = shard,
                   .rank = static_cast<uint32_t>(shape.size()),
                   .dtype = dtype,
                   .strided = false});
  names_.append(name);
  shapes_.insert(shapes_.end(), shape.begin(), shape.end());
}

void TensorTable::add_view(std::string_view name, Dtype dtype, Shape shape, Shape strides, uint32_t shard,
                           uint64_t offset, uint64_t size, uint64_t count) {
  add(name, dtype, shape, shard, offset, size, count);
  rows_.back().strided = true;
  shapes_.insert(shapes_.end(), strides.begin(), strides.end());
}

Tensor TensorTable::operator[](size_t index) const {
  const Row& row = rows_[index];
  return {.name = name_of(row),
          .dtype = row.dtype,
          .shape = Shape(shapes_).subspan(row.shape_begin, row.rank),
          .strides = row.strided ? Shape(shapes_).subspan(row.shape_begin + row.rank, row.rank) : Shape(),
          .shard = row.shard,
          .offset = row.offset,
          .size = row.size,
          .count = row.count};
}

std::vector<size_t> TensorTable::sort_by_name() {
  std::vector<std::string_view> names(rows_.size());
  std::transform(rows_.begin(), rows_.end(), names.begin(), [this](const Row& row) { return name_of(row); });
  put_in_order(order_by_name(names));

  std::vector<size_t> repeated;
  for (size_t i = 1; i < rows_.size(); ++i)
    if (name_of(rows_[i]) == name_of(rows_[i - 1])) repeated.push_back(i);
  return repeated;
}

std::vector<size_t> TensorTable::rename(const std::function<std::string(std::string_view)>& new_name) {
  std::string names;
  names.reserve(names_.size());
  std::vector<Row> rows;
  rows.reserve(rows_.size());
  for (Row row : rows_) {
    const std::string name = new_name(name_of(row));
    if (name.empty()) continue;
    row.name_begin = names.size();
    row.name_size = static_cast<uint32_t>(name.size());
    names += name;
    rows.push_back(row);
  }
  names_ = std::move(names);
  rows_ = std::move(rows);
  return sort_by_name();
}

// Follows the permutation's cycles in place: a second array of rows would be the peak of memory at 10^6 tensors.
void TensorTable::put_in_order(std::vector<uint32_t> order) {
  for (uint32_t first = 0; first < order.size(); ++first) {
    const Row displaced = rows_[first];
    uint32_t to = first;
    for (uint32_t from = order[to]; from != first; from = order[to]) {
      rows_[to] = rows_[from];
      order[to] = to;
      to = from;
    }
    rows_[to] = displaced;
    order[to] = to;
  }
}

size_t TensorTable::find(std::string_view name) const {
  const auto before = [this](const Row& row, std::string_view wanted) { return name_of(row) < wanted; };
  const auto found = std::lower_bound(rows_.begin(), rows_.end(), name, before);
  return found != rows_.end() && name_of(*found) == name ? static_cast<size_t>(found - rows_.begin()) : npos;
}

uint64_t TensorTable::memory() const {
  return rows_.capacity() * sizeof(Row) + names_.capacity() + shapes_.capacity() * sizeof(uint64_t);
}

}  // namespace ckmerge
