// SPDX-License-Identifier: Apache-2.0
#include "core/tile.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/permit.h"
#include "io/error.h"

namespace ckmerge {
namespace {

// Elements of rows that are computed before they are woven together: with 8 bytes each, heads and tails take 64 KiB.
constexpr uint64_t kWovenElements = 4096;

bool any(const StoreCounts& counts) {
  return counts.saturated || counts.overflowed || counts.lost_inf || counts.non_finite || counts.created;
}

// Elements [first, first + count) of a view, as they are.
void copy_elements(const Operand& operand, uint64_t first, uint64_t count, std::byte* out) {
  const uint64_t size = element_size(operand.dtype);
  for (uint64_t at = first; at < first + count;) {
    const uint64_t run = at / operand.inner, within = at % operand.inner;
    const uint64_t n = std::min(first + count - at, operand.inner - within);
    const std::byte* from = static_cast<const std::byte*>(operand.data) + run * operand.stride + within * size;
    std::memcpy(out + (at - first) * size, from, n * size);
    at += n;
  }
}

// Elements [first, end) of rows, from heads and tails that begin with the first of each.
void weave(const StepRows& rows, uint64_t first, uint64_t end, uint64_t size, const std::byte* heads,
           const std::byte* tails, std::byte* out) {
  for (uint64_t at = first; at < end;) {
    const uint64_t within = at % rows.row;
    const bool head = within < rows.head;
    const uint64_t bytes = size * std::min(end - at, (head ? rows.head : rows.row) - within);
    const std::byte*& from = head ? heads : tails;
    std::memcpy(out, from, bytes);
    from += bytes;
    out += bytes;
    at += bytes / size;
  }
}

}  // namespace

void Findings::add(const Findings& other) {
  for (const auto& [step, counts] : other.losses) add(step, counts);
  differing.insert(other.differing.begin(), other.differing.end());
}

void Findings::add(uint32_t step, const StoreCounts& counts) {
  if (!any(counts)) return;
  StoreCounts& sum = losses[step];
  sum.saturated += counts.saturated;
  sum.overflowed += counts.overflowed;
  sum.lost_inf += counts.lost_inf;
  sum.non_finite += counts.non_finite;
  sum.created += counts.created;
}

TileWorker::TileWorker(const Plan& plan, std::span<const Checkpoint> checkpoints, WindowBatch& windows, Options options)
    : plan_(plan), checkpoints_(checkpoints), windows_(windows), options_(std::move(options)) {}

void TileWorker::compute(ByteRange range, std::span<std::byte> out, Backend backend) {
  uint64_t at = range.begin, shown = range.begin;
  if (at < options_.header.size()) {
    const uint64_t end = std::min<uint64_t>(range.end, options_.header.size());
    std::memcpy(out.data(), options_.header.data() + at, end - at);
    at = end;
  }
  while (at < range.end) {
    const ByteRange batch{at, gather({at, range.end})};
    windows_.map();
    if (options_.on_windows) options_.on_windows({shown, batch.end}, windows_);
    shown = batch.end;
    compute_mapped(batch, out.data() + (at - range.begin), backend);
    windows_.finish(options_.drop_cache);
    at = batch.end;
  }
  if (options_.on_windows && shown < range.end) options_.on_windows({shown, range.end}, windows_);  // header alone
}

// Collects the windows of as many steps of `range` as fit, at least one; returns where they end.
uint64_t TileWorker::gather(ByteRange range) {
  for (size_t i = first_step_after(plan_, range.begin); i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= range.end) break;
    const uint64_t begin = std::max(range.begin, step.offset), end = std::min(range.end, step.offset + step.size);
    if (begin == end) continue;
    list_reads(plan_, checkpoints_, step, {begin - step.offset, end - step.offset}, reads_);
    if (!windows_.add(reads_)) return begin;
  }
  return range.end;
}

void TileWorker::compute_mapped(ByteRange batch, std::byte* out, Backend backend) {
  if (backend == Backend::device && options_.ring->working() && compute_on_device(batch, out)) return;
  const Permit permit(*options_.permits);
  compute_batch(batch, out);
}

// False where the device failed: then nothing of the batch is in flight, and nothing of it has been noted.
bool TileWorker::compute_on_device(ByteRange batch, std::byte* out) {
  Findings before = std::exchange(findings_, {});
  device_out_ = out;
  try {
    {
      const Permit permit(*options_.permits);
      compute_batch(batch, out);
    }
    run_job();
  } catch (const Error& error) {
    findings_ = std::move(before);
    device_out_ = nullptr;
    windows_.go_back(0);
    options_.ring->take_fault(error, lease_ ? &lease_->slot() : nullptr);
    lease_.reset();
    return false;
  }
  lease_.reset();
  device_out_ = nullptr;
  before.add(findings_);
  findings_ = std::move(before);
  return true;
}

void TileWorker::compute_batch(ByteRange batch, std::byte* out) {
  for (size_t i = first_step_after(plan_, batch.begin); i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= batch.end) break;
    const uint64_t begin = std::max(batch.begin, step.offset), end = std::min(batch.end, step.offset + step.size);
    if (begin == end) continue;
    compute_part(static_cast<uint32_t>(i), {begin - step.offset, end - step.offset}, out + (begin - batch.begin));
  }
}

void TileWorker::compute_part(uint32_t index, ByteRange part, std::byte* out) {
  const Step& step = plan_.steps[index];
  const bool rows = step.expansion != Step::kWhole;
  list_reads(plan_, checkpoints_, step, part, reads_);
  if (step.program == Step::kZero) {
    std::memset(out, 0, part.size());
  } else if (step.program == Step::kCopy && !rows) {
    copy_part(index, part, out);
  } else {
    StoreCounts counts;
    load_programs(index);
    load_operands();
    if (device_out_ && !rows && send_part(index, part.size() / element_size(step.dtype), out)) return;
    rows ? run_rows(step, part, out, counts) : run_whole(step, part, out, counts);
    findings_.add(index, counts);
  }
}

void TileWorker::copy_part(uint32_t index, ByteRange part, std::byte* out) {
  const std::byte* first = nullptr;
  uint32_t alike = 0;
  for (const SourceRead& read : reads_) {
    const std::byte* bytes = windows_.next(read);
    if (!first) first = bytes;
    alike += std::memcmp(first, bytes, part.size()) == 0;
  }
  std::memcpy(out, first, part.size());
  if (alike < plan_.steps[index].source_count) findings_.differing.insert(index);
}

void TileWorker::load_operands() {
  operands_.clear();
  for (const SourceRead& read : reads_) operands_.push_back(read.operand(windows_.next(read)));
}

// Programs whose coefficients are the tensor's are filled in copies.
void TileWorker::load_programs(uint32_t index) {
  const Step& step = plan_.steps[index];
  const auto load = [&](uint16_t program, Program& filled) -> const Program* {
    if (program >= plan_.programs.size()) return nullptr;
    if (!plan_.programs[program].has_slots()) return &plan_.programs[program];
    filled = plan_.programs[program];
    fill_slots(filled, options_.statistics->coefficients(index));
    return &filled;
  };
  program_ = load(step.program, filled_program_);
  tail_ = step.expansion == Step::kWhole ? nullptr : load(plan_.expansions[step.expansion].tail, filled_tail_);
}

// False where the CPU has to do it: fewer elements than a block of the CPU's are done before they could be sent, and
// what is larger than a whole slot does not fit.
bool TileWorker::send_part(uint32_t index, uint64_t count, std::byte* out) {
  if (count < kBlockElements) return false;
  if (!lease_) lease_.emplace(*options_.ring);
  const cuda::TileProgram program = cuda::tile_program(*program_);
  const auto add = [&] {
    return lease_->slot().job().add_part(index, program, operands_, count, static_cast<uint64_t>(out - device_out_),
                                         plan_.steps[index].dtype);
  };
  if (add()) return true;
  run_job();
  return add();
}

// Has the device compute what was sent to it.
void TileWorker::run_job() {
  if (!lease_ || lease_->slot().job().empty()) return;
  DeviceSlot& slot = lease_->slot();
  slot.submit(device_out_);
  slot.wait();
  options_.ring->count_batch();
  for (const auto& [step, counts] : slot.job().counts()) findings_.add(step, counts);
  slot.job().clear();
}

void TileWorker::run_whole(const Step& step, ByteRange part, std::byte* out, StoreCounts& counts) {
  run_program(*options_.kernels, *program_, operands_.data(), 0, part.size() / element_size(step.dtype), out,
              step.dtype, counts);
}

// Heads and tails are computed some rows at a time, each as one run of elements, and then woven together.
void TileWorker::run_rows(const Step& step, ByteRange part, std::byte* out, StoreCounts& counts) {
  const StepRows rows = rows_of(plan_, step);
  const uint64_t size = element_size(step.dtype), begin = part.begin / size, end = part.end / size;
  const uint64_t origin = rows.origin(begin);
  heads_.resize(kWovenElements * size);
  tails_.resize(kWovenElements * size);
  const auto run = [&](const Program* program, const Operand* operands, uint64_t first, uint64_t count,
                       std::vector<std::byte>& into) {
    if (count == 0) return;
    if (program)
      run_program(*options_.kernels, *program, operands, first, count, into.data(), step.dtype, counts);
    else
      copy_elements(operands[0], first, count, into.data());
  };
  for (uint64_t at = begin; at < end;) {
    const uint64_t next = std::min(end, at + kWovenElements);
    const uint64_t heads = rows.heads_before(at), tails = rows.tails_before(at);
    run(program_, operands_.data() + 1, heads - rows.heads_before(origin), rows.heads_before(next) - heads, heads_);
    run(tail_, operands_.data(), tails - rows.tails_before(origin), rows.tails_before(next) - tails, tails_);
    weave(rows, at, next, size, heads_.data(), tails_.data(), out + (at - begin) * size);
    at = next;
  }
}

}  // namespace ckmerge
