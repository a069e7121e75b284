// SPDX-License-Identifier: Apache-2.0
#include "core/engine/tile_worker.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/engine/made_step.h"
#include "core/engine/value_check.h"
#include "core/plan/output_files.h"
#include "core/plan/step_rows.h"
#include "core/threads/semaphore_lock.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

// Elements of rows that are computed before they are woven together: with 8 bytes each, heads and tails take 64 KiB.
constexpr uint64_t kWovenElements = 4096;

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

// Whether a device may compute `count` elements of the step: rows are woven by the CPU, variances are looked at there,
// as energy is and what is rounded by chance, hangs on a row or column, or has NaN and Inf that the merge made in an
// operand, and fewer than a block of the CPU's are done before they could be sent.
bool is_sendable(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step, uint64_t count) {
  return step.expansion == Step::kWhole && computes(plan, step) && count >= kBlockElements &&
         plan.programs[step.program].registers() <= cuda::kRegisters && !plan.programs[step.program].has_lines() &&
         !draws(plan, step) && !measures_energy(plan, step) && !computes_variance(plan, checkpoints, step) &&
         !reads_beyond_range(plan, checkpoints, step);
}

}  // namespace

TileWorker::TileWorker(const Plan& plan, std::span<const Checkpoint> checkpoints, WindowBatch& windows, Options options)
    : plan_(plan), checkpoints_(checkpoints), windows_(windows), options_(std::move(options)) {}

uint64_t TileWorker::Options::put_header(const Plan& plan, ByteRange range, std::byte* out) const {
  const size_t file = file_at(plan, range.begin);
  const std::string& header = headers[file];
  const ByteRange inside = plan.files[file].inside(range);
  if (inside.begin >= header.size()) return range.begin;
  const uint64_t size = std::min<uint64_t>(range.size(), header.size() - inside.begin);
  std::memcpy(out, header.data() + inside.begin, size);
  return range.begin + size;
}

void TileWorker::compute(ByteRange range, std::span<std::byte> out, DeviceRing* ring) {
  uint64_t at = options_.put_header(plan_, range, out.data()), shown = range.begin;
  while (at < range.end) {
    const ByteRange batch{at, gather({at, range.end})};
    windows_.map();
    if (options_.on_windows) options_.on_windows({shown, batch.end}, windows_);
    shown = batch.end;
    compute_mapped(batch, out.data() + (at - range.begin), ring);
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

void TileWorker::compute_mapped(ByteRange batch, std::byte* out, DeviceRing* ring) {
  const bool sent = ring && ring->working() && is_worth_sending(batch) && compute_on_device(batch, out, *ring);
  const SemaphoreLock computing(*options_.semaphore);
  if (!sent) compute_batch(batch, out);
  note_zeros(batch, out);
  note_energies();
}

void TileWorker::note_energies() {
  for (const PartEnergy& part : energies_) options_.energy->add(part.step, part.count, part.sums);
}

void TileWorker::note_zeros(ByteRange batch, const std::byte* out) {
  for_each_part(batch, [&](uint32_t index, ByteRange part) {
    const Step& step = plan_.steps[index];
    if (!computes(plan_, step)) return;
    const uint64_t count = part.size() / element_size(step.dtype);
    if (is_zero(out + (step.offset + part.begin - batch.begin), step.dtype, count)) step_report_.zeros[index] += count;
  });
}

// fn(index, part) for every step in the batch, with the bytes of the step.
template <typename Fn>
void TileWorker::for_each_part(ByteRange batch, const Fn& fn) const {
  for (size_t i = first_step_after(plan_, batch.begin); i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= batch.end) break;
    const uint64_t begin = std::max(batch.begin, step.offset), end = std::min(batch.end, step.offset + step.size);
    if (begin < end) fn(static_cast<uint32_t>(i), ByteRange{begin - step.offset, end - step.offset});
  }
}

bool TileWorker::is_worth_sending(ByteRange batch) const {
  bool worth = false;
  for_each_part(batch, [&](uint32_t index, ByteRange part) {
    const Step& step = plan_.steps[index];
    worth = worth || is_sendable(plan_, checkpoints_, step, part.size() / element_size(step.dtype));
  });
  return worth;
}

// False where the device failed: then nothing of the batch is in flight, and nothing of it has been noted.
bool TileWorker::compute_on_device(ByteRange batch, std::byte* out, DeviceRing& ring) {
  StepReport before = std::exchange(step_report_, {});
  try {
    DeviceBatch device(ring, *options_.semaphore, out);
    device_ = &device;
    compute_batch(batch, out);
    device.finish();
    step_report_.add(device.step_report());
  } catch (const Error& error) {
    device_ = nullptr;
    step_report_ = std::move(before);
    windows_.go_back(0);
    ring.take_fault(error);
    return false;
  }
  device_ = nullptr;
  step_report_.add(before);
  return true;
}

void TileWorker::compute_batch(ByteRange batch, std::byte* out) {
  energies_.clear();
  for_each_part(batch, [&](uint32_t index, ByteRange part) {
    compute_part(index, part, out + (plan_.steps[index].offset + part.begin - batch.begin));
  });
}

void TileWorker::compute_part(uint32_t index, ByteRange part, std::byte* out) {
  const Step& step = plan_.steps[index];
  const bool rows = step.expansion != Step::kWhole;
  list_reads(plan_, checkpoints_, step, part, reads_);
  if (fill_made_step(step, checkpoints_, part, out)) return;
  if (step.program == Step::kCopy && !rows) {
    copy_part(index, part, out);
  } else {
    StoreCounts counts;
    load_programs(index);
    load_operands();
    if (device_ && send_part(index, part, out)) return;
    rows ? run_rows(step, part, out, counts) : run_whole(step, part, out, counts);
    if (options_.energy && measures_energy(plan_, step)) measure(index, part, out);
    step_report_.add(index, counts);
  }
}

void TileWorker::copy_part(uint32_t index, ByteRange part, std::byte* out) {
  const std::byte* first = nullptr;
  uint32_t alike = 0;
  for (size_t k = 0; k < reads_.size(); ++k) {
    const std::byte* bytes = windows_.next();
    if (!first) first = bytes;
    alike += std::memcmp(first, bytes, part.size()) == 0;
  }
  std::memcpy(out, first, part.size());
  if (alike < plan_.steps[index].source_count) step_report_.differing.insert(index);
}

void TileWorker::load_operands() {
  operands_.clear();
  for (const SourceRead& read : reads_) operands_.push_back(read.operand(windows_.next()));
  are_made_.clear();
  const auto is_made = [&](const SourceRead& read) { return is_beyond_range(checkpoints_, read.source); };
  if (std::ranges::none_of(reads_, is_made)) return;
  for (const SourceRead& read : reads_) are_made_.push_back(is_made(read));
}

// Operands of the program are those from `operand` on.
void TileWorker::run_and_judge(const Program& program, size_t operand, uint64_t first, uint64_t count, std::byte* out,
                               Dtype dtype, StoreCounts& counts, const Places& places) const {
  const uint64_t before = counts.non_finite;
  run_program(*options_.kernels, program, operands_.data() + operand, first, count, out, dtype, counts, places,
              rounding_);
  if (are_made_.empty() || counts.non_finite == before) return;
  count_made_values({.kernels = *options_.kernels,
                     .program = program,
                     .operands = std::span(operands_).subspan(operand),
                     .are_made = std::span(are_made_).subspan(operand),
                     .first = first,
                     .count = count,
                     .dtype = dtype,
                     .places = places},
                    counts);
}

void TileWorker::measure(uint32_t index, ByteRange part, const std::byte* out) {
  const Step& step = plan_.steps[index];
  const ProgramChange& change = plan_.changes[step.program];
  const uint64_t size = element_size(step.dtype), count = part.size() / size;
  energies_.push_back({index, count,
                       measured_energy({.kernels = *options_.kernels,
                                        .base = *filled(index, change.base, filled_base_),
                                        .added = *filled(index, change.added, filled_added_),
                                        .operands = operands_,
                                        .out = out,
                                        .dtype = step.dtype,
                                        .first = part.begin / size,
                                        .count = count})});
}

void TileWorker::load_programs(uint32_t index) {
  const Step& step = plan_.steps[index];
  program_ = filled(index, step.program, filled_program_);
  tail_ = step.expansion == Step::kWhole ? nullptr : filled(index, plan_.expansions[step.expansion].tail, filled_tail_);
  rounding_ = rounding_of(plan_, checkpoints_, step);
  line_window_.begin(program_ && program_->has_lines() ? options_.statistics->lines(index) : nullptr);
}

// Programs that hang on the tensor are filled in copies. Null: there is none.
const Program* TileWorker::filled(uint32_t index, uint16_t program, Program& into) const {
  if (program >= plan_.programs.size()) return nullptr;
  const Program& planned = plan_.programs[program];
  if (!planned.has_slots() && !planned.has_places()) return &planned;
  into = planned;
  if (planned.has_slots()) fill_slots(into, options_.statistics->coefficients(index));
  if (planned.has_places()) fill_places(into, facts_of(checkpoints_, plan_.steps[index]));
  return &into;
}

// False where the CPU has to do it.
bool TileWorker::send_part(uint32_t index, ByteRange part, std::byte* out) {
  const Step& step = plan_.steps[index];
  const uint64_t size = element_size(step.dtype), count = part.size() / size;
  return is_sendable(plan_, checkpoints_, step, count) &&
         device_->add(index, tile_program(step), operands_, count, out, step.dtype, part.begin / size);
}

// That of program_, the step's own.
const cuda::TileProgram& TileWorker::tile_program(const Step& step) {
  if (program_ == &filled_program_) return filled_tile_program_ = cuda::tile_program(*program_);
  tile_programs_.resize(plan_.programs.size());
  std::optional<cuda::TileProgram>& known = tile_programs_[step.program];
  if (!known) known = cuda::tile_program(*program_);
  return *known;
}

void TileWorker::run_whole(const Step& step, ByteRange part, std::byte* out, StoreCounts& counts) {
  const uint64_t size = element_size(step.dtype), count = part.size() / size, first = part.begin / size;
  line_window_.for_each_part(first, first + count, [&](uint64_t at, uint64_t end, const LineNumbers* lines) {
    run_and_judge(*program_, 0, at - first, end - at, out + (at - first) * size, step.dtype, counts,
                  {.first = first, .lines = lines});
  });
  if (computes_variance(plan_, checkpoints_, step))
    counts.negative = negative_results(*options_.kernels, *program_, operands_, count, out, step.dtype);
}

// Heads and tails are computed some rows at a time, each as one run of elements, and then woven together.
void TileWorker::run_rows(const Step& step, ByteRange part, std::byte* out, StoreCounts& counts) {
  const StepRows rows = rows_of(plan_, step);
  const uint64_t size = element_size(step.dtype), begin = part.begin / size, end = part.end / size;
  const uint64_t origin = rows.origin(begin);
  heads_.resize(kWovenElements * size);
  tails_.resize(kWovenElements * size);
  const auto run = [&](const Program* program, size_t operand, const Places& places, uint64_t first, uint64_t count,
                       std::vector<std::byte>& into) {
    if (count == 0) return;
    if (program)
      run_and_judge(*program, operand, first, count, into.data(), step.dtype, counts, places);
    else
      copy_elements(operands_[operand], first, count, into.data());
  };
  for (uint64_t at = begin; at < end;) {
    const uint64_t next = std::min(end, at + kWovenElements);
    const uint64_t heads = rows.heads_before(at), tails = rows.tails_before(at);
    run(program_, 1, rows.places_of_heads(origin), heads - rows.heads_before(origin), rows.heads_before(next) - heads,
        heads_);
    run(tail_, 0, rows.places_of_tails(origin), tails - rows.tails_before(origin), rows.tails_before(next) - tails,
        tails_);
    weave(rows, at, next, size, heads_.data(), tails_.data(), out + (at - begin) * size);
    at = next;
  }
}

}  // namespace ckmerge
