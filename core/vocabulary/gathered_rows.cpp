// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/gathered_rows.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <span>
#include <utility>

#include "io/table/tensor_reader.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Shorter runs of rows are gathered by whoever asks for them: windows of a page or two would cost more than a copy.
constexpr uint64_t kShortestRun = 64 << 10;

// Bytes of a tensor of rows, put together when they are asked for.
class RowBytes {
 public:
  RowBytes(std::shared_ptr<const Checkpoint> source, size_t index, uint64_t row_size, GatheredRows gathered)
      : source_(std::move(source)), index_(index), row_size_(row_size), gathered_(std::move(gathered)) {}

  const std::vector<uint32_t>& own() const { return gathered_.own; }

  void read(uint64_t offset, std::span<std::byte> out) const {
    while (!out.empty()) {
      const uint64_t row = offset / row_size_, inside = offset % row_size_;
      const uint64_t rows = run_at(row, (inside + out.size() + row_size_ - 1) / row_size_);
      const uint64_t size = std::min<uint64_t>(rows * row_size_ - inside, out.size());
      read_run(row, inside, out.first(size));
      out = out.subspan(size);
      offset += size;
    }
  }

  /// Rows from `row` on, at most `most`, that are the tensor's own and follow each other there; 1 of any other.
  uint64_t run_at(uint64_t row, uint64_t most) const {
    uint64_t rows = 1;
    const std::vector<uint32_t>& own = gathered_.own;
    if (own[row] == kNoRow) return rows;
    while (rows < most && row + rows < own.size() && own[row + rows] == own[row] + rows) ++rows;
    return rows;
  }

 private:
  void read_run(uint64_t row, uint64_t inside, std::span<std::byte> out) const {
    if (gathered_.own[row] != kNoRow) {
      const uint64_t begin = gathered_.own[row] * row_size_ + inside;
      return TensorReader().read(*source_, index_, begin, begin + out.size(), out.data());
    }
    if (out.size() == row_size_) return gathered_.other(row, out.data());
    std::vector<std::byte> whole(row_size_);
    gathered_.other(row, whole.data());
    std::memcpy(out.data(), whole.data() + inside, out.size());
  }

  std::shared_ptr<const Checkpoint> source_;
  size_t index_;
  uint64_t row_size_;
  GatheredRows gathered_;
};

// Where bytes [begin, end) of a tensor lie; nothing where a view is cut elsewhere than between its rows.
class Places {
 public:
  explicit Places(GatheredTensor& out) : out_(out) {}

  bool add(const TensorTable& table, size_t index, uint64_t begin, uint64_t end) {
    const std::vector<PiecePart> parts = table.parts(index, begin, end);
    if (!std::ranges::all_of(parts, [&](const PiecePart& part) { return is_cut_between_rows(part); })) return false;
    for (const PiecePart& part : parts) add(part);
    return true;
  }

  void add_made(uint32_t shard, uint64_t begin, uint64_t end) {
    const bool goes_on = !out_.pieces.empty() && out_.pieces.back().shard == shard &&
                         out_.pieces.back().offset + out_.pieces.back().count * element() == begin;
    if (goes_on)
      out_.pieces.back().count += (end - begin) / element();
    else
      out_.pieces.push_back({.count = (end - begin) / element(), .shard = shard, .offset = begin});
  }

 private:
  uint64_t element() const { return element_size(out_.dtype); }

  uint64_t view_row(const Piece& view) const {
    uint64_t size = element();
    for (const uint64_t dimension : view.shape.subspan(1)) size *= dimension;
    return size;
  }

  bool is_cut_between_rows(const PiecePart& part) const {
    if (part.piece.strides.empty()) return true;
    const uint64_t row = view_row(part.piece);
    return part.begin % row == 0 && part.end % row == 0;
  }

  void add(const PiecePart& part) {
    Piece piece = part.piece;
    piece.count = (part.end - part.begin) / element();
    if (piece.strides.empty()) {
      piece.offset += part.begin;
    } else {
      const uint64_t row = view_row(piece);
      piece.offset += part.begin / row * piece.strides[0] * element();
      std::vector<uint64_t>& shape = out_.numbers.emplace_back(piece.shape.begin(), piece.shape.end());
      shape[0] = (part.end - part.begin) / row;
      piece.shape = shape;
      piece.strides = out_.numbers.emplace_back(piece.strides.begin(), piece.strides.end());
    }
    out_.pieces.push_back(piece);
  }

  GatheredTensor& out_;
};

uint64_t size_of_all(std::string_view name, uint64_t rows, uint64_t row_size) {
  uint64_t size = 0;
  if (__builtin_mul_overflow(rows, row_size, &size) || size > uint64_t{INT64_MAX})
    throw Error(ErrorCode::usage, std::string(name),
                sentence(name, ": ", rows, " rows are more than a file can hold; ask for fewer"));
  return size;
}

}  // namespace

std::shared_ptr<const Checkpoint> part_of(const Checkpoint& checkpoint, const std::vector<size_t>& tensors) {
  auto part = std::make_shared<Checkpoint>();
  part->path = checkpoint.path;
  part->shards = checkpoint.shards;
  for (const size_t index : tensors) part->tensors.add_again(checkpoint.tensors.name(index), checkpoint.tensors, index);
  part->tensors.sort_by_name();
  return part;
}

GatheredTensor gather_rows(Checkpoint& checkpoint, const std::shared_ptr<const Checkpoint>& source,
                           std::string_view name, size_t axis, GatheredRows gathered) {
  const size_t index = source->tensors.find(name);
  const Tensor tensor = source->tensors[index];
  const uint64_t rows = gathered.own.size();
  const uint64_t row_size = tensor.shape[axis] == 0 ? 0 : tensor.size / tensor.shape[axis];
  GatheredTensor out{.name = std::string(name),
                     .dtype = tensor.dtype,
                     .shape = {tensor.shape.begin(), tensor.shape.end()},
                     .pieces = {},
                     .numbers = {}};
  out.shape[axis] = rows;
  const uint64_t size = size_of_all(name, rows, row_size);
  if (size == 0) return out;
  const auto bytes = std::make_shared<const RowBytes>(source, index, row_size, std::move(gathered));
  const auto shard = static_cast<uint32_t>(checkpoint.shards.size());
  Places places(out);
  uint64_t made = 0;
  for (uint64_t row = 0; row < rows;) {
    const uint64_t run = bytes->run_at(row, rows), own = bytes->own()[row];
    const bool is_long = own != kNoRow && (run == rows || run * row_size >= kShortestRun);
    if (!is_long || !places.add(source->tensors, index, own * row_size, (own + run) * row_size)) {
      places.add_made(shard, row * row_size, (row + run) * row_size);
      ++made;
    }
    row += run;
  }
  if (made > 0)
    checkpoint.shards.emplace_back(
        MemoryBytes{.size = size,
                    .read = [bytes](uint64_t offset, std::span<std::byte> to) { bytes->read(offset, to); }},
        sentence(name, " made of rows for ", checkpoint.path));
  return out;
}

void put_tensors(Checkpoint& checkpoint, const std::vector<GatheredTensor>& tensors) {
  if (tensors.empty()) return;
  std::set<std::string_view> names;
  for (const GatheredTensor& tensor : tensors) names.insert(tensor.name);
  TensorTable& table = checkpoint.tensors;
  table.rename([&](std::string_view name) { return names.contains(name) ? "" : std::string(name); });
  for (const GatheredTensor& tensor : tensors) {
    uint64_t count = 1;
    for (const uint64_t dimension : tensor.shape) count *= dimension;
    table.add_joined(tensor.name, tensor.dtype, tensor.shape, tensor.pieces, count * element_size(tensor.dtype), count);
  }
  table.sort_by_name();
}

}  // namespace ckmerge
