// SPDX-License-Identifier: Apache-2.0
#include "core/engine/statistics_worker.h"

#include <algorithm>
#include <utility>

#include "core/threads/semaphore_lock.h"
#include "io/text/error.h"

namespace ckmerge {

StatisticsWorker::StatisticsWorker(const Plan& plan, std::span<const Checkpoint> checkpoints, WindowBatch& windows,
                                   Statistics& statistics, Options options)
    : plan_(plan),
      checkpoints_(checkpoints),
      windows_(windows),
      statistics_(statistics),
      options_(options),
      sums_(statistics.specs().size()) {}

void StatisticsWorker::compute(ByteRange range, DeviceRing* ring) {
  ring_ = ring;
  for (size_t i = first_step_after(plan_, range.begin); i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= range.end) break;
    if (step.size > 0 && needs_statistics(plan_, step)) add_step(static_cast<uint32_t>(i), range);
  }
  compute_pieces();
}

// A block belongs to the range in which its first element is stored.
void StatisticsWorker::add_step(uint32_t index, ByteRange range) {
  const Step& step = plan_.steps[index];
  const Reduction reduction = reduction_of(plan_, step);
  const uint64_t size = element_size(step.dtype);
  const auto blocks_before = [&](uint64_t offset) {
    const uint64_t bytes = std::clamp(offset, step.offset, step.offset + step.size) - step.offset;
    return (reduction.index_of((bytes + size - 1) / size) + kReductionBlock - 1) / kReductionBlock;
  };
  const uint64_t first_block = blocks_before(range.begin), end_block = blocks_before(range.end);
  if (first_block == end_block) return;
  const uint64_t begin = reduction.element_of(first_block * kReductionBlock);
  const uint64_t end = std::min(element_count(step), reduction.element_of(end_block * kReductionBlock));
  const uint64_t elements = options_.piece_size / size;
  for (uint64_t at = begin; at < end; at += elements)
    add_piece({.step = index,
               .begin = at,
               .end = std::min(end, at + elements),
               .first_block = first_block,
               .first = at == begin,
               .last = at + elements >= end});
}

void StatisticsWorker::add_piece(const Piece& piece) {
  if (!add_windows(piece)) {
    compute_pieces();
    add_windows(piece);
  }
  pieces_.push_back(piece);
  pieces_.back().first_read = windows_.reads() - reads_.size();
}

bool StatisticsWorker::add_windows(const Piece& piece) {
  const Step& step = plan_.steps[piece.step];
  const uint64_t size = element_size(step.dtype);
  list_reads(plan_, checkpoints_, step, {piece.begin * size, piece.end * size}, reads_);
  return windows_.add(reads_);
}

void StatisticsWorker::compute_pieces() {
  windows_.map();
  const size_t done = ring_ && ring_->working() && !pieces_.empty() ? sum_on_device(*ring_) : 0;
  {
    const SemaphoreLock computing(*options_.semaphore);
    for (const Piece& piece : std::span(pieces_).subspan(done)) sum_piece(piece);
  }
  windows_.finish(options_.drop_cache);
  pieces_.clear();
}

void StatisticsWorker::sum_piece(const Piece& piece) {
  const Step& step = plan_.steps[piece.step];
  const Reduction reduction = reduction_of(plan_, step);
  const uint64_t size = element_size(step.dtype);
  const Dtype compute = plan_.programs[step.program].compute;
  load_factors(step, {piece.begin * size, piece.end * size});
  if (piece.first) totals_.clear();
  for_each_block(piece, reduction, [&](uint64_t index, uint64_t end) {
    add_products_of(compute, reduction, piece, index, end);
    take_totals(reduction, end);
  });
  if (piece.last) statistics_.add(piece.step, piece.first_block, totals_);
}

// fn(index, end) for every part of a reduction block in the piece, numbered as in the reduction.
template <typename Fn>
void StatisticsWorker::for_each_block(const Piece& piece, const Reduction& reduction, const Fn& fn) {
  const uint64_t end = reduction.index_of(piece.end);
  for (uint64_t index = reduction.index_of(piece.begin); index < end;) {
    const uint64_t next = std::min(end, (index / kReductionBlock + 1) * kReductionBlock);
    fn(index, next);
    index = next;
  }
}

// What the sums have come to where a block ends.
void StatisticsWorker::take_totals(const Reduction& reduction, uint64_t end) {
  if (end % kReductionBlock != 0 && end != reduction.count) return;
  for (LaneSums& sums : sums_) totals_.push_back(std::exchange(sums, {}).total());
}

// Sums as many pieces as the device can, and says how many: all, unless it failed.
size_t StatisticsWorker::sum_on_device(DeviceRing& ring) {
  size_t done = 0;
  try {
    const DeviceRing::Lease lease(ring);
    SemaphoreLock computing(*options_.semaphore);
    DeviceSlot& slot = lease.slot();
    for (size_t k = 0; k < pieces_.size(); ++k) {
      // One that goes on where the one before it stopped inside a block begins with the lanes of that one.
      if (!pieces_[k].first) collect(slot, computing, done, k);
      if (send_piece(slot.job(), pieces_[k])) continue;
      collect(slot, computing, done, k);
      if (send_piece(slot.job(), pieces_[k])) continue;
      slot.job().clear();
      windows_.go_back(pieces_[k].first_read);
      sum_piece(pieces_[done++]);
    }
    collect(slot, computing, done, pieces_.size());
  } catch (const Error& error) {
    ring.take_fault(error);
    if (done < pieces_.size()) windows_.go_back(pieces_[done].first_read);
  }
  return done;
}

// False where the piece does not fit beside what the job has already, or is of rows that are cut in two.
bool StatisticsWorker::send_piece(DeviceJob& job, const Piece& piece) {
  const Step& step = plan_.steps[piece.step];
  if (step.expansion != Step::kWhole) return false;
  const uint64_t size = element_size(step.dtype), count = piece.end - piece.begin;
  const Dtype compute = plan_.programs[step.program].compute;
  windows_.go_back(piece.first_read);
  load_factors(step, {piece.begin * size, piece.end * size});
  std::vector<DeviceJob::OperandIndex> operands(factors_.size());
  for (size_t k = 0; k < factors_.size(); ++k)
    if (!job.add_operand(factors_[k].all, count, operands[k])) return false;
  bool fits = true;
  for_each_block(piece, reduction_of(plan_, step), [&](uint64_t index, uint64_t end) {
    for (size_t s = 0; s < sums_.size(); ++s) {
      const StatisticSpec spec = statistics_.specs()[s];
      const bool goes_on = !piece.first && index == piece.begin;
      fits = fits && job.add_sum(compute, operands[spec.a], operands[spec.b], index - piece.begin, end - index, index,
                                 goes_on ? sums_[s] : LaneSums());
    }
  });
  return fits;
}

// Has the device sum pieces [done, end), which it was sent, and takes the totals in their order.
void StatisticsWorker::collect(DeviceSlot& slot, SemaphoreLock& computing, size_t& done, size_t end) {
  if (done == end) return;
  {
    const SemaphoreLock::Pause pause(computing);
    slot.submit(nullptr);
    slot.wait();
  }
  ring_->count_batch();
  size_t sum = 0;
  for (; done < end; ++done) {
    const Piece& piece = pieces_[done];
    const Reduction reduction = reduction_of(plan_, plan_.steps[piece.step]);
    if (piece.first) totals_.clear();
    for_each_block(piece, reduction, [&](uint64_t, uint64_t block_end) {
      for (LaneSums& sums : sums_) sums = slot.job().lanes(sum++);
      take_totals(reduction, block_end);
    });
    if (piece.last) statistics_.add(piece.step, piece.first_block, totals_);
  }
  slot.job().clear();
}

void StatisticsWorker::load_factors(const Step& step, ByteRange part) {
  list_reads(plan_, checkpoints_, step, part, reads_);
  factors_.clear();
  for (const SourceRead& read : reads_) {
    const std::byte* at = windows_.next(read);
    factors_.push_back({read.operand(at), {.data = at, .dtype = read.view.dtype}, read.whole_rows});
  }
  if (step.expansion != Step::kWhole) factors_.erase(factors_.begin());  // the tail's operand
}

// Elements [index, end) of the reduction, within one block.
void StatisticsWorker::add_products_of(Dtype compute, const Reduction& reduction, const Piece& piece, uint64_t index,
                                       uint64_t end) {
  const StepRows& rows = reduction.rows;
  const uint64_t origin = rows.origin(piece.begin);
  for (size_t s = 0; s < sums_.size(); ++s) {
    const Factor& a = factors_[statistics_.specs()[s].a];
    const Factor& b = factors_[statistics_.specs()[s].b];
    if (reduction.heads_only)
      add_products(*options_.kernels, compute, a.heads, b.heads, index - rows.heads_before(origin), end - index, index,
                   sums_[s]);
    else if (a.whole_rows && b.whole_rows)
      add_products(*options_.kernels, compute, a.all, b.all, index - piece.begin, end - index, index, sums_[s]);
    else
      add_heads(compute, rows, origin, s, index, end);
  }
}

// The heads of elements [begin, end), numbered as elements. In the tails one factor counts as zero, and so does the
// product.
void StatisticsWorker::add_heads(Dtype compute, const StepRows& rows, uint64_t origin, size_t spec, uint64_t begin,
                                 uint64_t end) {
  const Factor& a = factors_[statistics_.specs()[spec].a];
  const Factor& b = factors_[statistics_.specs()[spec].b];
  for (uint64_t at = begin; at < end;) {
    const uint64_t row_begin = at / rows.row * rows.row;
    const uint64_t head_end = std::min(end, row_begin + rows.head);
    if (at < head_end)
      add_products(*options_.kernels, compute, a.heads, b.heads, rows.heads_before(at) - rows.heads_before(origin),
                   head_end - at, at, sums_[spec]);
    at = std::min(end, row_begin + rows.row);
  }
}

}  // namespace ckmerge
