// SPDX-License-Identifier: Apache-2.0
#include "io/table/strided_reader.h"

#include <algorithm>
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
  std::vector<uint64_t> position(box_.size(), 0);
  for (;;) {
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
