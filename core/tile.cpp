// SPDX-License-Identifier: Apache-2.0
#include "core/tile.h"

#include <algorithm>
#include <cstring>

namespace ckmerge {
namespace {

constexpr uint64_t kPage = 4096;  // for counting what is resident; larger pages only make windows share more of them

uint64_t pages(uint64_t begin, uint64_t end) { return (end + kPage - 1) / kPage * kPage - begin / kPage * kPage; }

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
    : plan_(plan), checkpoints_(checkpoints), options_(std::move(options)), last_window_(checkpoints.size()) {}

void TileWorker::compute(ByteRange range, std::span<std::byte> out) {
  uint64_t at = range.begin;
  if (at < plan_.header.size()) {
    const uint64_t end = std::min<uint64_t>(range.end, plan_.header.size());
    std::memcpy(out.data(), plan_.header.data() + at, end - at);
    at = end;
  }
  while (at < range.end) {
    const ByteRange batch{at, gather({at, range.end})};
    populate();
    {
      const Permit permit(*options_.permits);
      compute_batch(batch, out.data() + (at - range.begin));
    }
    release();
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
  resident_ = 0;
  std::ranges::fill(last_window_, SIZE_MAX);
  for (size_t i = first_step_after(range.begin); i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= range.end) break;
    const uint64_t begin = std::max(range.begin, step.offset), end = std::min(range.end, step.offset + step.size);
    if (!add_step_windows(step, {begin - step.offset, end - step.offset})) return begin;
  }
  return range.end;
}

// False, and nothing added, when they might not fit.
bool TileWorker::add_step_windows(const Step& step, ByteRange part) {
  if (part.size() == 0) return true;
  uint64_t needed = 0;
  const auto for_each_source = [&](auto&& visit) {
    for (uint32_t s = 0; s < step.source_count; ++s) {
      const Source source = plan_.source(step, s);
      const Tensor tensor = tensor_of(source);
      // A compared tensor of another dtype differs whatever its bytes are.
      if (step.program == Step::kCopy && tensor.dtype != step.dtype) continue;
      visit(source, source_range(tensor, step.dtype, part));
    }
  };
  for_each_source([&](Source, ByteRange bytes) { needed += pages(bytes.begin, bytes.end); });
  if (!windows_.empty() && resident_ + needed > options_.window_size) return false;
  for_each_source([&](Source source, ByteRange bytes) { add_window(source, bytes); });
  return true;
}

// Tensors that follow each other in the output mostly do so in the inputs: then one window grows.
void TileWorker::add_window(Source source, ByteRange bytes) {
  const Checkpoint& checkpoint = checkpoints_[source.checkpoint];
  const MappedFile* file = &checkpoint.shards[tensor_of(source).shard];
  size_t& last = last_window_[source.checkpoint];
  if (last != SIZE_MAX) {
    Window& window = windows_[last];
    if (window.file == file && bytes.begin >= window.begin && bytes.begin <= window.end + kPage) {
      const uint64_t end = std::max(window.end, bytes.end);
      resident_ += pages(window.begin, end) - pages(window.begin, window.end);
      window.end = end;
      return;
    }
  }
  last = windows_.size();
  windows_.push_back({file, bytes.begin, bytes.end});
  resident_ += pages(bytes.begin, bytes.end);
}

void TileWorker::populate() const {
  for (const Window& window : windows_) window.file->populate(window.begin, window.end - window.begin);
}

void TileWorker::release() const {
  for (const Window& window : windows_)
    window.file->release(window.begin, window.end - window.begin, options_.drop_cache);
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
  const Source first = plan_.source(step);
  const std::byte* bytes = checkpoints_[first.checkpoint].data(tensor_of(first)) + part.begin;
  std::memcpy(out, bytes, part.size());
  for (uint32_t s = 1; s < step.source_count; ++s) {
    const Source other = plan_.source(step, s);
    const Tensor tensor = tensor_of(other);
    if (tensor.dtype != step.dtype ||
        std::memcmp(bytes, checkpoints_[other.checkpoint].data(tensor) + part.begin, part.size()) != 0)
      findings_.differing.insert(index);
  }
}

void TileWorker::run_part(uint32_t index, ByteRange part, std::byte* out) {
  const Step& step = plan_.steps[index];
  operands_.clear();
  for (uint32_t s = 0; s < step.source_count; ++s) {
    const Source source = plan_.source(step, s);
    const Tensor tensor = tensor_of(source);
    operands_.push_back({.data = checkpoints_[source.checkpoint].data(tensor), .dtype = tensor.dtype});
  }
  StoreCounts counts;
  const uint64_t size = element_size(step.dtype);
  run_program(*options_.kernels, plan_.programs[step.program], operands_.data(), part.begin / size, part.size() / size,
              out, step.dtype, counts);
  if (counts.saturated || counts.overflowed || counts.lost_inf) {
    Findings found;
    found.losses[index] = counts;
    findings_.add(found);
  }
}

}  // namespace ckmerge
