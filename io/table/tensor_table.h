// SPDX-License-Identifier: Apache-2.0
// The tensors of a checkpoint as flat arrays: 10^6 tensors cost one allocation per array, not one per tensor. Numbers
// in it were checked when it was filled (invariant I5) and are trusted from then on. Snapshots of one model differ in
// nothing but where their tensors lie, so that names and shapes are a block of their own, which tables can share.
// Copies of a table share all of it until one of them is changed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/table/joined_pieces.h"
#include "kernels/dtype.h"

namespace ckmerge {

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
  bool joined = false;  ///< they are those of several pieces, one after another: shard is the first's, offset is 0
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

  /// Appends one whose elements, in order, are those of `pieces`, one after another; no joined one where these are one
  /// range of a file, or one view of its shape. REQUIRES: besides, that every element lies within its file, and
  /// that the pieces have `count` elements together; none of the views is of this table.
  void add_joined(std::string_view name, Dtype dtype, Shape shape, std::span<const Piece> pieces, uint64_t size,
                  uint64_t count);

  /// Appends tensor `index` of `from`, which may be this table, as `name`. Where shards of `from` are `first_shard` and
  /// those behind it here.
  void add_again(std::string_view name, const TensorTable& from, size_t index, uint32_t first_shard = 0);

  size_t size() const { return placed_ ? placed_->offsets.size() : 0; }
  Tensor operator[](size_t index) const;
  /// What a tensor consists of: one piece of any that is not joined, none of one without elements.
  std::vector<Piece> pieces(size_t index) const;
  /// Which parts of its pieces are its bytes [begin, end), counted as if it lay in order.
  std::vector<PiecePart> parts(size_t index, uint64_t begin, uint64_t end) const;
  /// Its name alone, for those who compare names.
  std::string_view name(size_t index) const { return described_->name(described_->rows[index]); }

  /// Sorts rows by name (UTF-8 bytes) so that find() works, and returns the indices, after sorting, of rows whose name
  /// is that of the row before. Equal names keep the order of their add().
  std::vector<size_t> sort_by_name();

  /// Index of the tensor called `name`, or npos. REQUIRES: sort_by_name().
  size_t find(std::string_view name) const;
  static constexpr size_t npos = SIZE_MAX;

  /// Calls every tensor what `new_name` makes of its name, and removes those that it makes an empty one of. Sorts, and
  /// returns what sort_by_name() returns.
  std::vector<size_t> rename(const std::function<std::string(std::string_view)>& new_name);

  /// Takes names and shapes from `other`, where they are the same, and gives up its own. Returns whether they are.
  /// REQUIRES: both are sorted.
  bool share_names(const TensorTable& other);

  /// Bytes this table holds, its part of what it shares.
  uint64_t memory() const;

 private:
  struct Row {
    uint64_t name_begin, shape_begin;
    uint32_t name_size;
    uint32_t rank : 31, strided : 1;  // strided: as many strides as dimensions follow the shape
  };
  struct Described {
    std::vector<Row> rows;
    std::string names;             // all names, one after another
    std::vector<uint64_t> shapes;  // all dimensions (and strides), one shape after another

    std::string_view name(const Row& row) const { return {names.data() + row.name_begin, row.name_size}; }
    Shape numbers(const Row& row) const {
      return Shape(shapes).subspan(row.shape_begin, size_t{row.rank} << row.strided);
    }
    bool says_the_same(const Described& other) const;
    uint64_t memory() const;
  };
  // Where each lies.
  struct Placed {
    std::vector<uint64_t> offsets;
    std::vector<Dtype> dtypes;
    std::vector<uint32_t> shards;  // empty: all tensors are in the first
    JoinedPieces joined;

    uint64_t memory() const;
  };
  Described& own_description();                    // a copy where it is shared
  Placed& own_places();                            // likewise
  static constexpr uint32_t kJoined = UINT32_MAX;  // a shard: the offset is the tensor's first of the joined pieces
  void put_in_order(std::vector<uint32_t> order);
  void release_unused();

  std::shared_ptr<Described> described_;  // null, as places are: no tensor was added yet
  std::shared_ptr<Placed> placed_;
};

}  // namespace ckmerge
