// SPDX-License-Identifier: Apache-2.0
#include "core/read/window_batch.h"

#include <algorithm>

#include "core/threads/machine.h"

namespace ckmerge {
namespace {

// Tensors closer together than this share a window: what lies between costs less to read than another window.
constexpr uint64_t kGap = 4096;

// Lists of a batch stay small even where tensors are tiny: 64 KiB of windows.
constexpr size_t kMostReads = 2048;

// Of more checkpoints than these all windows are asked for before the first is waited for: a tile's windows are smaller
// then, and one request at a time leaves the disk idle. Cold, two loaded cores: 16 of 200 MB 0.82 x the time (median of
// 8 pairs), 8 the same time, 4 and fewer 1.1 to 1.2 x, since what the system reads around a large window is used.
constexpr size_t kAskedOneByOne = 8;

// Of the memory that can be had, what one tile asks for of a view: eight in flight leave most of it to others.
constexpr uint64_t kViewsShare = 32;

ByteRange range_of_part(const PiecePart& part, Dtype dtype) {
  const Piece& piece = part.piece;
  if (piece.strides.empty()) return {piece.offset + part.begin, piece.offset + part.end};
  const uint64_t size = element_size(dtype);
  return range_around(piece, size, part.begin / size, part.end / size);
}

}  // namespace

WindowBatch::WindowBatch(std::span<const Checkpoint> checkpoints, uint64_t window_size, bool alone)
    : checkpoints_(checkpoints),
      window_size_(window_size),
      widest_view_(available_memory() / kViewsShare),
      alone_(alone),
      inputs_(window_size),
      last_window_(checkpoints.size(), kNone) {}

// A window that grows may take a page more than its new bytes, where it bridges a gap.
bool WindowBatch::add(std::span<const SourceRead> reads) {
  uint64_t needed = 0;
  ranges_.clear();
  for (const SourceRead& read : reads) {
    const Range range = ranges_.emplace_back(range_of(read));
    needed += InputWindows::footprint(range.begin, range.end) + InputWindows::page_size();
  }
  const bool fits = footprint_ + needed <= window_size_ && places_.size() < kMostReads;
  if (!fits && !(windows_.empty() && gathered_.empty())) return false;
  for (size_t k = 0; k < reads.size(); ++k) {
    if (reads[k].bytes.size() == 0) {
      places_.push_back({.window = kNone});
    } else if (!ranges_[k].file) {
      add_gathered(reads[k]);
    } else {
      add_window(last_window_[reads[k].source.checkpoint], ranges_[k]);
    }
  }
  return true;
}

// A read that stays within one piece in order is as one of a plain tensor.
WindowBatch::Range WindowBatch::range_of(const SourceRead& read) const {
  const Checkpoint& checkpoint = checkpoints_[read.source.checkpoint];
  const Tensor tensor = checkpoint.tensors[read.source.tensor];
  const auto range = [&](uint32_t shard, bool in_order, uint64_t offset, ByteRange bytes) {
    const InputFile& file = checkpoint.shards[shard];
    if (!in_order || !file.can_be_shown()) return Range{.begin = read.bytes.begin, .end = read.bytes.end};
    return Range{&file, offset + bytes.begin, offset + bytes.end};
  };
  if (!tensor.joined) return range(tensor.shard, tensor.strides.empty(), tensor.offset, read.bytes);
  const std::vector<PiecePart> parts = checkpoint.tensors.parts(read.source.tensor, read.bytes.begin, read.bytes.end);
  if (parts.size() != 1) return range(tensor.shard, false, 0, read.bytes);
  const Piece& piece = parts[0].piece;
  return range(piece.shard, piece.strides.empty(), piece.offset, {parts[0].begin, parts[0].end});
}

// Tensors that follow each other in the output mostly do so in the inputs: then one window grows.
void WindowBatch::add_window(uint32_t& last, const Range& range) {
  const bool continues = last != kNone && windows_[last].file == range.file && range.begin >= windows_[last].begin &&
                         range.begin <= windows_[last].end + kGap;
  if (!continues) {
    last = static_cast<uint32_t>(windows_.size());
    windows_.push_back({range.file, range.begin, range.begin});
  }
  Window& window = windows_[last];
  if (continues) footprint_ -= InputWindows::footprint(window.begin, window.end);
  window.end = std::max(window.end, range.end);
  footprint_ += InputWindows::footprint(window.begin, window.end);
  places_.push_back({.window = last, .begin = range.begin});
}

void WindowBatch::add_gathered(const SourceRead& read) {
  places_.push_back({.window = kGathered, .begin = gathered_size_});
  gathered_.push_back({read.source, read.bytes, gathered_size_});
  gathered_size_ += read.bytes.size();
  footprint_ += InputWindows::footprint(read.bytes.begin, read.bytes.end);
}

void WindowBatch::map() {
  make_room();
  ask_for_windows();
  for (Window& window : windows_) window.bytes = inputs_.add(*window.file, window.begin, window.end);
  gather();
  reads_done_ = 0;
}

// Exactly what a batch needs, because windows have the rest of the worker's share; full tiles need the same.
void WindowBatch::make_room() {
  if (gathered_size_ == gathered_room_) return;
  gathered_bytes_.reset();  // never both
  gathered_bytes_ = std::make_unique_for_overwrite<std::byte[]>(gathered_size_);
  gathered_room_ = gathered_size_;
}

// What is gathered is read in small pieces, and brought in meanwhile.
void WindowBatch::ask_for_windows() const {
  for_each_gathered_part([&](const InputFile& file, Dtype dtype, const PiecePart& part) {
    const ByteRange range = range_of_part(part, dtype);
    if (part.piece.strides.empty() || range.size() <= widest_view_) file.will_need(range.begin, range.end);
  });
  if (alone_ || checkpoints_.size() > kAskedOneByOne)
    for (const Window& window : windows_) window.file->will_need(window.begin, window.end);
}

void WindowBatch::gather() {
  for (const Gathered& part : gathered_)
    reader_.read(checkpoints_[part.source.checkpoint], part.source.tensor, part.bytes.begin, part.bytes.end,
                 gathered_bytes_.get() + part.place);
}

// fn(file, dtype, part) for each part of a piece, or of a plain tensor, that is gathered.
template <typename Fn>
void WindowBatch::for_each_gathered_part(const Fn& fn) const {
  for (const Gathered& gathered : gathered_) {
    const Checkpoint& checkpoint = checkpoints_[gathered.source.checkpoint];
    const Dtype dtype = checkpoint.tensors[gathered.source.tensor].dtype;
    for (const PiecePart& part :
         checkpoint.tensors.parts(gathered.source.tensor, gathered.bytes.begin, gathered.bytes.end))
      fn(checkpoint.shards[part.piece.shard], dtype, part);
  }
}

const std::byte* WindowBatch::next() {
  const Place place = places_[reads_done_++];
  if (place.window == kNone) return nullptr;
  if (place.window == kGathered) return gathered_bytes_.get() + place.begin;
  return windows_[place.window].bytes + (place.begin - windows_[place.window].begin);
}

// Between the elements of a view lie those of other tiles.
void WindowBatch::finish(bool drop_cache) {
  inputs_.check_faults();
  inputs_.clear(drop_cache);
  if (drop_cache)
    for_each_gathered_part([](const InputFile& file, Dtype dtype, const PiecePart& part) {
      if (!part.piece.strides.empty()) return;
      const ByteRange range = range_of_part(part, dtype);
      file.drop_cache(range.begin, range.end);
    });
  windows_.clear();
  places_.clear();
  last_window_.assign(last_window_.size(), kNone);
  gathered_.clear();
  gathered_size_ = 0;
  footprint_ = 0;
}

}  // namespace ckmerge
