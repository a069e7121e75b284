// SPDX-License-Identifier: Apache-2.0
#include "core/read/window_batch.h"

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

}  // namespace

WindowBatch::WindowBatch(std::span<const Checkpoint> checkpoints, uint64_t window_size, bool alone)
    : checkpoints_(checkpoints),
      window_size_(window_size),
      alone_(alone),
      inputs_(window_size),
      last_window_(checkpoints.size(), kNone) {}

// A window that grows may take a page more than its new bytes, where it bridges a gap.
bool WindowBatch::add(std::span<const SourceRead> reads) {
  uint64_t needed = 0;
  for (const SourceRead& read : reads)
    needed += InputWindows::footprint(read.bytes.begin, read.bytes.end) + InputWindows::page_size();
  const bool fits = footprint_ + needed <= window_size_ && window_of_.size() < kMostReads;
  if (!fits && !(windows_.empty() && gathered_.empty())) return false;
  for (const SourceRead& read : reads) add_window(read);
  return true;
}

// Tensors that follow each other in the output mostly do so in the inputs: then one window grows.
void WindowBatch::add_window(const SourceRead& read) {
  if (read.bytes.size() == 0) return window_of_.push_back(kNone);
  const Checkpoint& checkpoint = checkpoints_[read.source.checkpoint];
  const Tensor tensor = checkpoint.tensors[read.source.tensor];
  const InputFile* file = &checkpoint.shards[tensor.shard];
  if (!tensor.strides.empty() || !file->can_be_shown()) return add_gathered(read, tensor);
  uint32_t& last = last_window_[read.source.checkpoint];
  const bool continues = last != kNone && windows_[last].file == file && read.bytes.begin >= windows_[last].begin &&
                         read.bytes.begin <= windows_[last].end + kGap;
  if (!continues) {
    last = static_cast<uint32_t>(windows_.size());
    windows_.push_back({file, read.bytes.begin, read.bytes.begin});
  }
  Window& window = windows_[last];
  if (continues) footprint_ -= InputWindows::footprint(window.begin, window.end);
  window.end = std::max(window.end, read.bytes.end);
  footprint_ += InputWindows::footprint(window.begin, window.end);
  window_of_.push_back(last);
}

// Reads are given in bytes from where the tensor begins, as if it lay in order there.
void WindowBatch::add_gathered(const SourceRead& read, const Tensor& tensor) {
  window_of_.push_back(kGathered | static_cast<uint32_t>(gathered_.size()));
  gathered_.push_back({read.source, read.bytes.begin - tensor.offset, read.bytes.end - tensor.offset, gathered_size_});
  gathered_size_ += read.bytes.size();
  footprint_ += InputWindows::footprint(read.bytes.begin, read.bytes.end);
}

// Room is exactly what a batch needs, because windows have the rest of the worker's share; full tiles need the same.
void WindowBatch::gather() {
  if (gathered_size_ != gathered_room_) {
    gathered_bytes_.reset();  // never both
    gathered_bytes_ = std::make_unique_for_overwrite<std::byte[]>(gathered_size_);
    gathered_room_ = gathered_size_;
  }
  for (const Gathered& part : gathered_) {
    const Checkpoint& checkpoint = checkpoints_[part.source.checkpoint];
    const Tensor tensor = checkpoint.tensors[part.source.tensor];
    const InputFile& file = checkpoint.shards[tensor.shard];
    std::byte* const out = gathered_bytes_.get() + part.place;
    if (tensor.strides.empty()) {
      file.read_at(tensor.offset + part.begin, {out, part.end - part.begin});
    } else {
      const uint64_t size = element_size(tensor.dtype);
      reader_.read(file, tensor, part.begin / size, part.end / size, out);
    }
  }
}

void WindowBatch::map() {
  if (alone_ || checkpoints_.size() > kAskedOneByOne)
    for (const Window& window : windows_) window.file->will_need(window.begin, window.end);
  for (Window& window : windows_) window.bytes = inputs_.add(*window.file, window.begin, window.end);
  gather();
  reads_done_ = 0;
}

const std::byte* WindowBatch::next(const SourceRead& read) {
  const uint32_t index = window_of_[reads_done_++];
  if (index == kNone) return nullptr;
  if (index & kGathered) return gathered_bytes_.get() + gathered_[index & ~kGathered].place;
  return windows_[index].bytes + (read.bytes.begin - windows_[index].begin);
}

void WindowBatch::finish(bool drop_cache) {
  inputs_.check_faults();
  inputs_.clear(drop_cache);
  windows_.clear();
  window_of_.clear();
  last_window_.assign(last_window_.size(), kNone);
  gathered_.clear();
  gathered_size_ = 0;
  footprint_ = 0;
}

}  // namespace ckmerge
