// SPDX-License-Identifier: Apache-2.0
#include "io/table/tensor_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "io/table/name_order.h"

namespace ckmerge {

void TensorTable::add(std::string_view name, Dtype dtype, Shape shape, uint32_t shard, uint64_t offset,
                      uint64_t /*size*/, uint64_t /*count*/) {
  Described& described = own_description();
  described.rows.push_back({.name_begin = described.names.size(),
                            .shape_begin = described.shapes.size(),
                            .name_size = static_cast<uint32_t>(name.size()),
                            .rank = static_cast<uint32_t>(shape.size()),
                            .strided = 0});
  described.names.append(name);
  described.shapes.insert(described.shapes.end(), shape.begin(), shape.end());
  Placed& placed = own_places();
  if (shard != 0 && placed.shards.empty()) placed.shards.resize(placed.offsets.size());
  if (shard != 0 || !placed.shards.empty()) placed.shards.push_back(shard);
  placed.offsets.push_back(offset);
  placed.dtypes.push_back(dtype);
}

void TensorTable::add_view(std::string_view name, Dtype dtype, Shape shape, Shape strides, uint32_t shard,
                           uint64_t offset, uint64_t size, uint64_t count) {
  add(name, dtype, shape, shard, offset, size, count);
  described_->rows.back().strided = 1;
  described_->shapes.insert(described_->shapes.end(), strides.begin(), strides.end());
}

void TensorTable::add_joined(std::string_view name, Dtype dtype, Shape shape, std::span<const Piece> pieces,
                             uint64_t size, uint64_t count) {
  const std::vector<Piece> fewest = fewest_pieces(pieces, dtype);
  const Piece first = fewest.empty() ? Piece() : fewest.front();
  if (fewest.size() <= 1 && first.strides.empty())
    return add(name, dtype, shape, first.shard, first.offset, size, count);
  if (fewest.size() == 1 && std::ranges::equal(first.shape, shape))
    return add_view(name, dtype, shape, first.strides, first.shard, first.offset, size, count);
  add(name, dtype, shape, kJoined, placed_ ? placed_->joined.size() : 0, size, count);
  placed_->joined.add(fewest, dtype);
}

void TensorTable::add_again(std::string_view name, const TensorTable& from, size_t index, uint32_t first_shard) {
  const Tensor tensor = from[index];
  // Views would not outlive the growth of the table that they are of.
  const std::vector<uint64_t> shape(tensor.shape.begin(), tensor.shape.end());
  if (tensor.strides.empty() && !tensor.joined)
    return add(name, tensor.dtype, shape, tensor.shard + first_shard, tensor.offset, tensor.size, tensor.count);
  std::vector<Piece> pieces = from.pieces(index);
  std::vector<std::vector<uint64_t>> numbers;
  for (Piece& piece : pieces) {
    piece.shard += first_shard;
    for (Shape* const of : {&piece.shape, &piece.strides}) *of = numbers.emplace_back(of->begin(), of->end());
  }
  add_joined(name, tensor.dtype, shape, pieces, tensor.size, tensor.count);
}

std::vector<Piece> TensorTable::pieces(size_t index) const {
  std::vector<Piece> pieces;
  for (const PiecePart& part : parts(index, 0, (*this)[index].size)) pieces.push_back(part.piece);
  return pieces;
}

std::vector<PiecePart> TensorTable::parts(size_t index, uint64_t begin, uint64_t end) const {
  const Tensor tensor = (*this)[index];
  if (tensor.joined) return placed_->joined.parts(placed_->offsets[index], tensor.dtype, begin, end);
  if (begin == end) return {};
  const Shape shape = tensor.strides.empty() ? Shape() : tensor.shape;
  const Piece whole{
      .count = tensor.count, .shard = tensor.shard, .offset = tensor.offset, .shape = shape, .strides = tensor.strides};
  return {{.piece = whole, .begin = begin, .end = end}};
}

Tensor TensorTable::operator[](size_t index) const {
  const Row& row = described_->rows[index];
  const Shape numbers = described_->numbers(row), shape = numbers.first(row.rank);
  const Placed& placed = *placed_;
  const Dtype dtype = placed.dtypes[index];
  uint64_t count = 1;
  for (const uint64_t dimension : shape) count *= dimension;
  const uint32_t shard = placed.shards.empty() ? 0 : placed.shards[index];
  const bool joined = shard == kJoined;
  return {.name = described_->name(row),
          .dtype = dtype,
          .shape = shape,
          .strides = numbers.subspan(row.rank),
          .shard = joined ? placed.joined.shard(placed.offsets[index]) : shard,
          .offset = joined ? 0 : placed.offsets[index],
          .size = count * info(dtype).bits / 8,
          .count = count,
          .joined = joined};
}

std::vector<size_t> TensorTable::sort_by_name() {
  std::vector<std::string_view> names(size());
  for (size_t i = 0; i < names.size(); ++i) names[i] = name(i);
  put_in_order(order_by_name(names));
  release_unused();

  std::vector<size_t> repeated;
  for (size_t i = 1; i < size(); ++i)
    if (name(i) == name(i - 1)) repeated.push_back(i);
  return repeated;
}

std::vector<size_t> TensorTable::rename(const std::function<std::string(std::string_view)>& new_name) {
  if (size() == 0) return {};
  Described& described = own_description();
  Placed& placed = own_places();
  std::string names;
  names.reserve(described.names.size());
  size_t kept = 0;
  for (size_t i = 0; i < size(); ++i) {
    Row row = described.rows[i];
    const std::string name = new_name(described.name(row));
    if (name.empty()) continue;
    row.name_begin = names.size();
    row.name_size = static_cast<uint32_t>(name.size());
    names += name;
    described.rows[kept] = row;
    placed.offsets[kept] = placed.offsets[i];
    placed.dtypes[kept] = placed.dtypes[i];
    if (!placed.shards.empty()) placed.shards[kept] = placed.shards[i];
    ++kept;
  }
  described.names = std::move(names);
  described.rows.resize(kept);
  placed.offsets.resize(kept);
  placed.dtypes.resize(kept);
  if (!placed.shards.empty()) placed.shards.resize(kept);
  return sort_by_name();
}

// Follows the permutation's cycles in place: second arrays would be the peak of memory at 10^6 tensors.
void TensorTable::put_in_order(std::vector<uint32_t> order) {
  if (std::ranges::is_sorted(order)) return;
  Described& described = own_description();
  Placed& placed = own_places();
  const auto swap_rows = [&](uint32_t a, uint32_t b) {
    std::swap(described.rows[a], described.rows[b]);
    std::swap(placed.offsets[a], placed.offsets[b]);
    std::swap(placed.dtypes[a], placed.dtypes[b]);
    if (!placed.shards.empty()) std::swap(placed.shards[a], placed.shards[b]);
  };
  for (uint32_t first = 0; first < order.size(); ++first) {
    uint32_t to = first;
    for (uint32_t from = order[to]; from != first; from = order[to]) {
      swap_rows(to, from);
      order[to] = to;
      to = from;
    }
    order[to] = to;
  }
}

// Arrays that grew hold up to twice of what is in them.
void TensorTable::release_unused() {
  if (!described_) return;
  described_->rows.shrink_to_fit();
  described_->names.shrink_to_fit();
  described_->shapes.shrink_to_fit();
  if (placed_.use_count() > 1) return;
  placed_->offsets.shrink_to_fit();
  placed_->dtypes.shrink_to_fit();
  placed_->shards.shrink_to_fit();
  placed_->joined.release_unused();
}

size_t TensorTable::find(std::string_view name) const {
  if (size() == 0) return npos;
  const std::vector<Row>& rows = described_->rows;
  const auto before = [this](const Row& row, std::string_view wanted) { return described_->name(row) < wanted; };
  const auto found = std::lower_bound(rows.begin(), rows.end(), name, before);
  return found != rows.end() && described_->name(*found) == name ? static_cast<size_t>(found - rows.begin()) : npos;
}

bool TensorTable::share_names(const TensorTable& other) {
  if (size() == 0 || size() != other.size()) return false;
  if (described_ != other.described_ && !described_->says_the_same(*other.described_)) return false;
  described_ = other.described_;
  return true;
}

// Files of one program have their names in the same order, and then the arrays are the same.
bool TensorTable::Described::says_the_same(const Described& other) const {
  if (rows.size() != other.rows.size() || names.size() != other.names.size() || shapes.size() != other.shapes.size())
    return false;
  const auto same = [&](const Row& a, const Row& b) {
    return a.strided == b.strided && name(a) == other.name(b) && std::ranges::equal(numbers(a), other.numbers(b));
  };
  return std::ranges::equal(rows, other.rows, same);
}

uint64_t TensorTable::Described::memory() const {
  return rows.capacity() * sizeof(Row) + names.capacity() + shapes.capacity() * sizeof(uint64_t);
}

uint64_t TensorTable::Placed::memory() const {
  return offsets.capacity() * sizeof(uint64_t) + dtypes.capacity() * sizeof(Dtype) +
         shards.capacity() * sizeof(uint32_t) + joined.memory();
}

uint64_t TensorTable::memory() const {
  const auto part = [](const auto& block) {
    return block ? block->memory() / static_cast<uint64_t>(block.use_count()) : 0;
  };
  return part(described_) + part(placed_);
}

TensorTable::Described& TensorTable::own_description() {
  if (!described_)
    described_ = std::make_shared<Described>();
  else if (described_.use_count() > 1)
    described_ = std::make_shared<Described>(*described_);
  return *described_;
}

TensorTable::Placed& TensorTable::own_places() {
  if (!placed_)
    placed_ = std::make_shared<Placed>();
  else if (placed_.use_count() > 1)
    placed_ = std::make_shared<Placed>(*placed_);
  return *placed_;
}

}  // namespace ckmerge
