// SPDX-License-Identifier: Apache-2.0
#include "core/tile.h"

#include <algorithm>
#include <cstring>

namespace ckmerge {
namespace {

// Tensors closer together than this share a window: what lies between costs less to read than another window.
constexpr uint64_t kGap = 4096;

// Lists of a batch stay small even where tensors are tiny.
constexpr size_t kMostSourcesRead = 8192;

class Permit {
 public:
  explicit Permit(std::counting_semaphore<>& permits) : permits_(permits) { permits_.acquire(); }
  ~Permit() { permits_.release(); }

 private:
  std::counting_semaphore<>& permits_;
};

// The bytes of `tensor` behind bytes [begin, end) of a step that stores it as `stored`.
ByteRange source_range(const Tensor& tensor, Dtype stored, ByteRange part) {
  if (tensor.dtype == stored) return {tensor.offset + part.begin, tensor.offset + part.end};
  const uint64_t from = element_size(tensor.dtype), to = element_size(stored);
  return {tensor.offset + part.begin / to * from, tensor.offset + part.end / to * from};
}

}  // namespace

void Findings::add(const Findings& other) {
  for (const auto& [step, counts] : other.losses) {
    StoreCounts& sum = losses[step];
    sum.saturated += counts.saturated;
    sum.overflowed += counts.overflowed;
    sum.lost_inf += counts.lost_inf;
  }
  differing.insert(other.differing.begin(), other.differing.end());
}

TileWorker::TileWorker(const Plan& plan, std::span<const Checkpoint> checkpoints, Options options)
    : plan_(plan),
      checkpoints_(checkpoints),
      options_(std::move(options)),
      inputs_(options_.window_size),
      last_window_(checkpoints.size()) {}

void TileWorker::compute(ByteRange range, std::span<std::byte> out) {
  uint64_t at = range.begin;
  if (at < plan_.header.size()) {
    const uint64_t end = std::min<uint64_t>(range.end, plan_.header.size());
    std::memcpy(out.data(), plan_.header.data() + at, end - at);
    at = end;
  }
  while (at < range.end) {
    const ByteRange batch{at, gather({at, range.end})};
    map_windows();
    {
      const Permit permit(*options_.permits);
      compute_batch(batch, out.data() + (at - range.begin));
    }
    inputs_.check_faults();
    inputs_.clear(options_.drop_cache);
    at = batch.end;
  }
}

size_t TileWorker::first_step_after(uint64_t offset) const {
  const auto found = std::ranges::partition_point(
      plan_.steps, [offset](const Step& step) { return step.offset + step.size <= offset; });
  return static_cast<size_t>(found - plan_.steps.begin());
}

// Collects the windows of as many steps of `range` as fit, at least one; returns where they end.
uint64_t TileWorker::gather(ByteRange range) {
  windows_.clear();
  window_of_.clear();
  footprint_ = 0;
  std::ranges::fill(last_window_, SIZE_MAX);
  for (size_t i = first_step_after(range.begin); i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= range.end) break;
    const uint64_t begin = std::max(range.begin, step.offset), end = std::min(range.end, step.offset + step.size);
    if (!add_step_windows(step, {begin - step.offset, end - step.offset})) return begin;
  }
  return range.end;
}

// Calls visit(source, its bytes) for every source whose bytes are looked at. A compared tensor of another dtype differs
// whatever its bytes are.
template <typename Visit>
void TileWorker::for_each_source_read(const Step& step, ByteRange part, const Visit& visit) const {
  if (part.size() == 0) return;
  for (uint32_t s = 0; s < step.source_count; ++s) {
    const Source source = plan_.source(step, s);
    const Tensor tensor = tensor_of(source);
    if (step.program != Step::kCopy || tensor.dtype == step.dtype)
      visit(source, source_range(tensor, step.dtype, part));
  }
}

// False, and nothing added, when they might not fit. A window that grows may take a page more than its new bytes, where
// it bridges a gap.
bool TileWorker::add_step_windows(const Step& step, ByteRange part) {
  uint64_t needed = 0;
  for_each_source_read(step, part, [&](Source, ByteRange bytes) {
    needed += InputWindows::footprint(bytes.begin, bytes.end) + InputWindows::page_size();
  });
  const bool fits = footprint_ + needed <= options_.window_size && window_of_.size() < kMostSourcesRead;
  if (!fits && !windows_.empty()) return false;
  for_each_source_read(step, part, [&](Source source, ByteRange bytes) { add_window(source, bytes); });
  return true;
}

// Tensors that follow each other in the output mostly do so in the inputs: then one window grows.
void TileWorker::add_window(Source source, ByteRange bytes) {
  const InputFile* file = &checkpoints_[source.checkpoint].shards[tensor_of(source).shard];
  size_t& last = last_window_[source.checkpoint];
  const bool continues = last != SIZE_MAX && windows_[last].file == file && bytes.begin >= windows_[last].begin &&
                         bytes.begin <= windows_[last].end + kGap;
  if (!continues) {
    last = windows_.size();
    windows_.push_back({file, bytes.begin, bytes.begin});
  }
  Window& window = windows_[last];
  if (continues) footprint_ -= InputWindows::footprint(window.begin, window.end);
  window.end = std::max(window.end, bytes.end);
  footprint_ += InputWindows::footprint(window.begin, window.end);
  window_of_.push_back(static_cast<uint32_t>(last));
}

void TileWorker::map_windows() {
  for (Window& window : windows_) window.bytes = inputs_.add(*window.file, window.begin, window.end);
  sources_read_ = 0;
}

// Sources are read in the order in which gather() met them.
const std::byte* TileWorker::next_source_bytes(ByteRange bytes) {
  const Window& window = windows_[window_of_[sources_read_++]];
  return window.bytes + (bytes.begin - window.begin);
}

void TileWorker::compute_batch(ByteRange batch, std::byte* out) {
  for (size_t i = first_step_after(batch.begin); i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= batch.end) break;
    const uint64_t begin = std::max(batch.begin, step.offset), end = std::min(batch.end, step.offset + step.size);
    if (begin == end) continue;
    const ByteRange part{begin - step.offset, end - step.offset};
    const auto index = static_cast<uint32_t>(i);
    if (step.program == Step::kCopy)
      copy_part(index, part, out + (begin - batch.begin));
    else
      run_part(index, part, out + (begin - batch.begin));
  }
}

void TileWorker::copy_part(uint32_t index, ByteRange part, std::byte* out) {
  const Step& step = plan_.steps[index];
  const std::byte* first = nullptr;
  uint32_t alike = 0;
  for_each_source_read(step, part, [&](Source, ByteRange range) {
    const std::byte* bytes = next_source_bytes(range);
    if (!first) first = bytes;
    alike += std::memcmp(first, bytes, part.size()) == 0;
  });
  std::memcpy(out, first, part.size());
  if (alike < step.source_count) findings_.differing.insert(index);
}

void TileWorker::run_part(uint32_t index, ByteRange part, std::byte* out) {
  const Step& step = plan_.steps[index];
  operands_.clear();
  for_each_source_read(step, part, [&](Source source, ByteRange range) {
    operands_.push_back({.data = next_source_bytes(range), .dtype = tensor_of(source).dtype});
  });
  StoreCounts counts;
  run_program(*options_.kernels, plan_.programs[step.program], operands_.data(), 0,
              part.size() / element_size(step.dtype), out, step.dtype, counts);
  if (counts.saturated || counts.overflowed || counts.lost_inf) {
    Findings found;
    found.losses[index] = counts;
    findings_.add(found);
  }
}

}  // namespace ckmerge
