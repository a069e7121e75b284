// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/element_view.h"

#include <algorithm>
#include <utility>

#include "core/layouts/strides.h"

namespace ckmerge {
namespace {

uint64_t product(Shape shape) {
  uint64_t count = 1;
  for (const uint64_t dimension : shape) count *= dimension;
  return count;
}

}  // namespace

ElementView::ElementView(const TensorTable& tensors, size_t index) : dtype_(tensors[index].dtype) {
  const Tensor tensor = tensors[index];
  shape_.assign(tensor.shape.begin(), tensor.shape.end());
  for (const Piece& piece : tensors.pieces(index))
    runs_.push_back({.count = piece.count,
                     .shard = piece.shard,
                     .offset = piece.offset,
                     .shape = {piece.shape.begin(), piece.shape.end()},
                     .strides = {piece.strides.begin(), piece.strides.end()}});
}

uint64_t ElementView::count() const { return product(shape_); }

void ElementView::append(const ElementView& other) {
  for (const Run& run : other.runs_) append(run);
}

// What was cut apart is one again: runs that go on where the one before ends.
void ElementView::append(Run run) {
  if (run.count == 0) return;
  Run* last = runs_.empty() ? nullptr : &runs_.back();
  const uint64_t size = element_size(dtype_);
  const bool both = last && last->shard == run.shard && last->shape.size() == run.shape.size();
  if (both && run.shape.empty() && last->offset + last->count * size == run.offset) {
    last->count += run.count;
  } else if (both && !run.shape.empty() && last->strides == run.strides &&
             std::ranges::equal(Shape(last->shape).subspan(1), Shape(run.shape).subspan(1)) &&
             last->offset + last->shape[0] * last->strides[0] * size == run.offset) {
    last->count += run.count;
    last->shape[0] += run.shape[0];
  } else {
    runs_.push_back(std::move(run));
  }
}

ElementView ElementView::rows(uint64_t first, uint64_t end) const {
  ElementView part(dtype_);
  part.shape_ = shape_;
  part.shape_[0] = end - first;
  const uint64_t row = product(Shape(shape_).subspan(1));
  first *= row;
  end *= row;
  for (uint64_t begin = 0; const Run& run : runs_) {
    const uint64_t from = std::max(first, begin), to = std::min(end, begin + run.count);
    if (from < to) part.append_elements(run, from - begin, to - begin);
    begin += run.count;
  }
  return part;
}

// Elements [first, end) of a run, as runs.
void ElementView::append_elements(const Run& run, uint64_t first, uint64_t end) {
  if (run.shape.empty()) {
    const uint64_t offset = run.offset + first * element_size(dtype_);
    append({.count = end - first, .shard = run.shard, .offset = offset, .shape = {}, .strides = {}});
  } else {
    append_box(run, first, end, 0, run.offset);
  }
}

// The same of the dimensions from `axis` on, whose first element is at `offset`: the end of a row, whole rows, and the
// beginning of one.
void ElementView::append_box(const Run& run, uint64_t first, uint64_t end, size_t axis, uint64_t offset) {
  const Shape shape = Shape(run.shape).subspan(axis), strides = Shape(run.strides).subspan(axis);
  const uint64_t row = product(shape.subspan(1)), step = strides[0] * element_size(dtype_);
  if (const uint64_t into = first % row; into != 0) {
    const uint64_t stop = std::min(end - first + into, row);
    append_box(run, into, stop, axis + 1, offset + first / row * step);
    first += stop - into;
  }
  if (const uint64_t whole = (end - first) / row; whole != 0) {
    Run rows{
        .count = whole * row, .shard = run.shard, .offset = offset + first / row * step, .shape = {}, .strides = {}};
    rows.shape.assign(shape.begin(), shape.end());
    rows.shape[0] = whole;
    rows.strides.assign(strides.begin(), strides.end());
    append(std::move(rows));
    first += whole * row;
  }
  if (first < end) append_box(run, 0, end - first, axis + 1, offset + first / row * step);
}

ElementView ElementView::swapped() const {
  const uint64_t half = shape_[0] / 2;
  ElementView view = rows(half, shape_[0]);
  view.append(rows(0, half));
  view.shape_ = shape_;
  return view;
}

bool ElementView::transpose(ElementView& out) const {
  out = ElementView(dtype_);
  out.shape_ = shape_;
  std::swap(out.shape_.end()[-1], out.shape_.end()[-2]);
  const uint64_t height = shape_.end()[-2], width = shape_.end()[-1], matrix = height * width;
  const auto is_whole = [&](const Run& run) { return run.count % matrix == 0; };
  if (std::ranges::all_of(runs_, is_whole))
    return std::ranges::all_of(runs_, [&](const Run& run) { return out.append_turned(run, height, width); });
  ElementView matrices = *this;
  matrices.reshape({count() / matrix, matrix});
  for (uint64_t i = 0; i < matrices.shape_[0]; ++i) {
    const ElementView one = matrices.rows(i, i + 1);
    if (one.runs_.size() == 1 ? !out.append_turned(one.runs_[0], height, width) : !out.append_columns(one, width))
      return false;
  }
  return true;
}

// Of whole matrices.
bool ElementView::append_turned(const Run& run, uint64_t height, uint64_t width) {
  const std::vector<uint64_t> matrices = {run.count / (height * width), height, width};
  auto strides = run.shape.empty() ? strides_in_order(matrices) : strides_of_shape(run.shape, run.strides, matrices);
  if (!strides) return false;
  std::swap((*strides)[1], (*strides)[2]);
  Run turned{.count = run.count,
             .shard = run.shard,
             .offset = run.offset,
             .shape = {matrices[0], width, height},
             .strides = *strides};
  if (lie_in_order(turned.shape, turned.strides)) {
    turned.shape.clear();
    turned.strides.clear();
  }
  append(std::move(turned));
  return true;
}

// Of one matrix whose rows lie in several files: a column is a piece of each of its runs.
bool ElementView::append_columns(const ElementView& matrix, uint64_t width) {
  constexpr size_t kMost = size_t{1} << 17;  // pieces of a tensor, which take some 200 bytes each for a moment
  if (runs_.size() + matrix.runs_.size() * width > kMost) return false;
  std::vector<std::vector<uint64_t>> strides;
  for (const Run& run : matrix.runs_) {
    if (run.count % width != 0) return false;
    const std::vector<uint64_t> rows = {run.count / width, width};
    auto of_rows = run.shape.empty() ? strides_in_order(rows) : strides_of_shape(run.shape, run.strides, rows);
    if (!of_rows) return false;
    strides.push_back(std::move(*of_rows));
  }
  for (uint64_t column = 0; column < width; ++column)
    for (size_t i = 0; i < matrix.runs_.size(); ++i) {
      const Run& run = matrix.runs_[i];
      runs_.push_back({.count = run.count / width,
                       .shard = run.shard,
                       .offset = run.offset + column * strides[i][1] * element_size(dtype_),
                       .shape = {run.count / width},
                       .strides = {strides[i][0]}});
    }
  return true;
}

void ElementView::add_to(TensorTable& tensors, std::string_view name) const {
  const uint64_t count = this->count(), size = count * info(dtype_).bits / 8;
  if (runs_.empty()) return tensors.add(name, dtype_, shape_, 0, 0, size, count);
  const Run& first = runs_[0];
  if (runs_.size() == 1 && first.shape.empty())
    return tensors.add(name, dtype_, shape_, first.shard, first.offset, size, count);
  if (runs_.size() == 1) {
    const auto strides = strides_of_shape(first.shape, first.strides, shape_);
    if (strides && lie_in_order(shape_, *strides))
      return tensors.add(name, dtype_, shape_, first.shard, first.offset, size, count);
    if (strides) return tensors.add_view(name, dtype_, shape_, *strides, first.shard, first.offset, size, count);
  }
  std::vector<Piece> pieces;
  for (const Run& run : runs_)
    pieces.push_back(
        {.count = run.count, .shard = run.shard, .offset = run.offset, .shape = run.shape, .strides = run.strides});
  tensors.add_joined(name, dtype_, shape_, pieces, size, count);
}

}  // namespace ckmerge
