// SPDX-License-Identifier: Apache-2.0
// Elements of a view, put in order: transposed, expanded and overlapping tensors of PyTorch files. They are read in the
// order in which they lie, a small window at a time, and written where they belong, so that memory is constant whatever
// the strides are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/file/byte_range.h"
#include "io/file/input_file.h"
#include "io/table/joined_pieces.h"

namespace ckmerge {

/// Bytes of the file from the first to behind the last of elements [first, end) of `piece`. REQUIRES: piece.strides,
/// first < end.
ByteRange range_around(const Piece& piece, uint64_t element_size, uint64_t first, uint64_t end);

class StridedReader {
 public:
  /// Writes elements [first, end) of `piece`, counted as its shape counts them, to `out`. REQUIRES: piece.strides.
  /// Throws as InputFile::read_at() does.
  void read(const InputFile& file, Dtype dtype, const Piece& piece, uint64_t first, uint64_t end, std::byte* out);

 private:
  struct Axis {
    uint64_t count;
    uint64_t from, to;  // bytes from one element to the next, in the file and in `out`
  };
  void read_box(uint64_t offset, std::byte* out);
  void read_plane(const Axis& run, const Axis& across, uint64_t offset, std::byte* out);
  const std::byte* rows(const Axis& run, const Axis& across, uint64_t offset, uint64_t& row_size);
  void read_run(const Axis& run, uint64_t offset, std::byte* out, bool ahead);
  const std::byte* window(uint64_t offset, uint64_t size, bool ahead);

  const InputFile* file_ = nullptr;
  uint64_t element_size_ = 0;
  std::vector<uint64_t> shape_, strides_;  // of the piece, axes joined where they can be
  std::vector<Axis> box_;                  // the axis with the largest stride first
  uint64_t box_end_ = 0;                   // offset in the file behind its last element
  std::vector<std::byte> bytes_;           // of the file, from begin_ on
  uint64_t begin_ = 0;
};

}  // namespace ckmerge
