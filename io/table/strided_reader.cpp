// SPDX-License-Identifier: Apache-2.0
#include "io/table/strided_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ckmerge {
namespace {

// What one read brings in: enough that a transposed matrix is read at the disk's speed, little beside a tile.
constexpr uint64_t kWindow = 64 << 10;

// What lies between two runs is read with them while that costs less than another call. Two transposed matrices of 256
// MiB, rows 32 KiB apart, merged warm on two threads: 7 s in the kernel, 11 s where all of it is read; in a budget of
// 32 MiB, whose tiles have shorter runs, 14 s and 22 s.
constexpr uint64_t kGap = 4 << 10;

template <typename Element>
void copy_elements(const std::byte* from, uint64_t step, std::byte* out, uint64_t out_step, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) std::memcpy(out + i * out_step, from + i * step, sizeof(Element));
}

void copy_elements(uint64_t size, const std::byte* from, uint64_t step, std::byte* out, uint64_t out_step,
                   uint64_t count) {
  switch (size) {
    case 1: return copy_elements<uint8_t>(from, step, out, out_step, count);
    case 2: return copy_elements<uint16_t>(from, step, out, out_step, count);
    case 4: return copy_elements<uint32_t>(from, step, out, out_step, count);
    default: return copy_elements<uint64_t>(from, step, out, out_step, count);
  }
}

// Rows whose elements become columns are turned a block at a time: elements that are written one here and one there
// take a cache line each. A block is a cache line of each row, so that lines are read once, and as many rows as leave
// it in the first cache. 113 MB of BF16, rows of 18 KiB, turned in tiles of 4 MiB, in user mode: 0.23 s with 64 rows of
// 32 bytes, 0.17 s with 256 of 64.
constexpr uint64_t kFewestRows = 64, kMostRows = 256;
constexpr uint64_t kLine = 64;          // bytes
constexpr uint64_t kBlock = 256 << 10;  // bytes of rows that are in memory at a time

template <typename Element>
void turn_elements(const std::byte* from, uint64_t row_size, uint64_t step, std::byte* out, uint64_t out_step,
                   uint64_t rows, uint64_t columns) {
  constexpr uint64_t kColumns = kLine / sizeof(Element);
  std::array<Element, kMostRows * kColumns> block;
  for (uint64_t first = 0; first < columns; first += kColumns) {
    const uint64_t count = std::min(kColumns, columns - first);
    for (uint64_t i = 0; i < rows; ++i)
      for (uint64_t j = 0; j < count; ++j)
        std::memcpy(&block[j * kMostRows + i], from + i * row_size + (first + j) * step, sizeof(Element));
    for (uint64_t j = 0; j < count; ++j)
      std::memcpy(out + (first + j) * out_step, &block[j * kMostRows], rows * sizeof(Element));
  }
}

void turn_elements(uint64_t size, const std::byte* from, uint64_t row_size, uint64_t step, std::byte* out,
                   uint64_t out_step, uint64_t rows, uint64_t columns) {
  switch (size) {
    case 1: return turn_elements<uint8_t>(from, row_size, step, out, out_step, rows, columns);
    case 2: return turn_elements<uint16_t>(from, row_size, step, out, out_step, rows, columns);
    case 4: return turn_elements<uint32_t>(from, row_size, step, out, out_step, rows, columns);
    default: return turn_elements<uint64_t>(from, row_size, step, out, out_step, rows, columns);
  }
}

// Axes of one element go; an axis that continues the next one joins it.
void join_axes(const Piece& piece, std::vector<uint64_t>& shape, std::vector<uint64_t>& strides) {
  shape.clear();
  strides.clear();
  for (size_t i = 0; i < piece.shape.size(); ++i) {
    if (piece.shape[i] == 1) continue;
    if (!shape.empty() && strides.back() == piece.strides[i] * piece.shape[i]) {
      shape.back() *= piece.shape[i];
      strides.back() = piece.strides[i];
    } else {
      shape.push_back(piece.shape[i]);
      strides.push_back(piece.strides[i]);
    }
  }
  if (shape.empty()) {
    shape.push_back(1);
    strides.push_back(1);
  }
}

}  // namespace

// Up to where the first and the last of them part they lie in the same rows; from there on in whole ones.
ByteRange range_around(const Piece& piece, uint64_t element_size, uint64_t first, uint64_t end) {
  uint64_t lowest = 0, highest = 0, row = piece.count, last = end - 1;
  bool parted = false;
  for (size_t i = 0; i < piece.shape.size(); ++i) {
    row /= piece.shape[i];
    const uint64_t from = parted ? 0 : first / row, to = parted ? piece.shape[i] - 1 : last / row;
    lowest += from * piece.strides[i];
    highest += to * piece.strides[i];
    parted = parted || from != to;
    first %= row;
    last %= row;
  }
  return {piece.offset + lowest * element_size, piece.offset + (highest + 1) * element_size};
}

// A range of elements is a few boxes: the rest of a row, the rest of a plane, whole planes, and so on down again.
void StridedReader::read(const InputFile& file, Dtype dtype, const Piece& piece, uint64_t first, uint64_t end,
                         std::byte* out) {
  file_ = &file;
  element_size_ = element_size(dtype);
  bytes_.clear();
  join_axes(piece, shape_, strides_);
  for (uint64_t at = first; at < end;) {
    size_t axis = shape_.size() - 1;
    uint64_t row = 1;  // elements of one step along `axis`
    while (axis > 0 && at % (row * shape_[axis]) == 0 && row * shape_[axis] <= end - at) row *= shape_[axis--];
    const uint64_t steps = std::min(shape_[axis] - at / row % shape_[axis], (end - at) / row);
    box_.assign(1, {steps, strides_[axis] * element_size_, row * element_size_});
    uint64_t inner = row;
    for (size_t i = axis + 1; i < shape_.size(); ++i) {
      inner /= shape_[i];
      box_.push_back({shape_[i], strides_[i] * element_size_, inner * element_size_});
    }
    uint64_t offset = piece.offset, rest = at;
    for (size_t i = shape_.size(); i-- > 0; rest /= shape_[i]) offset += rest % shape_[i] * strides_[i] * element_size_;
    read_box(offset, out + (at - first) * element_size_);
    at += steps * row;
  }
}

// Like an odometer, the innermost axis being that whose elements lie closest together.
void StridedReader::read_box(uint64_t offset, std::byte* out) {
  std::ranges::stable_sort(box_, std::greater<>(), &Axis::from);
  box_end_ = offset + element_size_;
  for (const Axis& axis : box_) box_end_ += (axis.count - 1) * axis.from;
  const Axis run = box_.back();
  box_.pop_back();
  const uint64_t run_size = (run.count - 1) * run.from + element_size_;
  const bool ahead = box_.empty() || box_.back().from <= run_size + kGap;
  const bool turns = run.to != element_size_ && !box_.empty() && box_.back().to == element_size_;
  const Axis across = turns ? box_.back() : Axis();
  if (turns) box_.pop_back();
  std::vector<uint64_t> position(box_.size(), 0);
  for (;;) {
    if (turns)
      read_plane(run, across, offset, out);
    else
      read_run(run, offset, out, ahead);
    size_t i = box_.size();
    for (; i > 0; --i) {
      const Axis& axis = box_[i - 1];
      if (++position[i - 1] < axis.count) {
        offset += axis.from;
        out += axis.to;
        break;
      }
      position[i - 1] = 0;
      offset -= (axis.count - 1) * axis.from;
      out -= (axis.count - 1) * axis.to;
    }
    if (i == 0) return;
  }
}

// The elements of runs that lie across: those of one place in all of them follow each other in `out`.
void StridedReader::read_plane(const Axis& run, const Axis& across, uint64_t offset, std::byte* out) {
  const uint64_t run_size = std::max<uint64_t>(1, run.count * run.from);
  const uint64_t height = std::clamp(kBlock / run_size, kFewestRows, kMostRows);
  const uint64_t fit = run.from == 0 ? run.count : std::clamp<uint64_t>(kBlock / height / run.from, 1, run.count);
  for (uint64_t i = 0; i < across.count; i += height)
    for (uint64_t j = 0; j < run.count; j += fit) {
      const Axis columns{std::min(fit, run.count - j), run.from, run.to};
      const Axis lines{std::min(height, across.count - i), across.from, across.to};
      uint64_t row_size = 0;
      const std::byte* const from = rows(columns, lines, offset + i * across.from + j * run.from, row_size);
      turn_elements(element_size_, from, row_size, run.from, out + i * across.to + j * run.to, run.to, lines.count,
                    columns.count);
    }
}

// Brings the runs of a block into bytes_, with what lies between them where that is little.
const std::byte* StridedReader::rows(const Axis& run, const Axis& across, uint64_t offset, uint64_t& row_size) {
  const uint64_t run_size = (run.count - 1) * run.from + element_size_;
  const uint64_t span = (across.count - 1) * across.from + run_size;
  row_size = across.from;
  if (const std::byte* const at = file_->address_of(offset)) return at;
  if (across.from <= run_size + kGap && span <= kBlock) return window(offset, span, false);
  row_size = run_size;
  bytes_.resize(across.count * run_size);
  begin_ = UINT64_MAX;  // no window
  for (uint64_t i = 0; i < across.count; ++i)
    file_->read_at(offset + i * across.from, std::span(bytes_).subspan(i * run_size, run_size));
  return bytes_.data();
}

// In pieces that a window holds.
void StridedReader::read_run(const Axis& run, uint64_t offset, std::byte* out, bool ahead) {
  const uint64_t fit = run.from == 0 ? run.count : std::max<uint64_t>(1, kWindow / run.from);
  for (uint64_t done = 0; done < run.count;) {
    const uint64_t count = std::min(fit, run.count - done);
    const std::byte* const from = window(offset + done * run.from, (count - 1) * run.from + element_size_, ahead);
    std::byte* const to = out + done * run.to;
    if (run.from == element_size_ && run.to == element_size_)
      std::memcpy(to, from, count * element_size_);
    else
      copy_elements(element_size_, from, run.from, to, run.to, count);
    done += count;
  }
}

const std::byte* StridedReader::window(uint64_t offset, uint64_t size, bool ahead) {
  if (const std::byte* const at = file_->address_of(offset)) return at;
  if (offset < begin_ || offset + size > begin_ + bytes_.size()) {
    bytes_.resize(ahead ? std::max(size, std::min(kWindow, box_end_ - offset)) : size);
    begin_ = offset;
    file_->read_at(offset, bytes_);
  }
  return bytes_.data() + (offset - begin_);
}

}  // namespace ckmerge
