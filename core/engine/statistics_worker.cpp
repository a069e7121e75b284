// SPDX-License-Identifier: Apache-2.0
#include "core/engine/statistics_worker.h"

#include <algorithm>
#include <utility>

#include "core/threads/semaphore_lock.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

// Products of two operands as they are, which devices sum.
bool are_operands(const Reduction& reduction) {
  return reduction.how == Reduce::sum && reduction.value.loaded_operand() && reduction.factor &&
         reduction.factor->loaded_operand();
}

uint64_t rounded_up(uint64_t blocks, uint64_t unit) { return (blocks + unit - 1) / unit * unit; }

}  // namespace

StatisticsWorker::StatisticsWorker(const Plan& plan, std::span<const Checkpoint> checkpoints, WindowBatch& windows,
                                   Statistics& statistics, Options options)
    : plan_(plan), checkpoints_(checkpoints), windows_(windows), statistics_(statistics), options_(options) {}

void StatisticsWorker::compute(ByteRange range, size_t level, DeviceRing* ring) {
  ring_ = ring;
  level_ = level;
  filled_step_.reset();
  for (size_t i = first_step_after(plan_, range.begin); i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= range.end) break;
    if (step.size > 0 && needs_statistics(plan_, step) && statistics_of(plan_, step).levels() > level)
      add_step(static_cast<uint32_t>(i), range);
  }
  compute_pieces();
}

// A block belongs to the range in which its first element is stored. A range that has none of the step must not ask for
// more of it than its walk: others may end that at any time, and the step is let go of when its tiles are done.
void StatisticsWorker::add_step(uint32_t index, ByteRange range) {
  const Statistics::Walk walk = statistics_.walk(index, level_);
  if (walk.sought.empty()) return;
  const Step& step = plan_.steps[index];
  const ReducedElements elements = reduced_elements(plan_, step);
  const uint64_t size = element_size(step.dtype);
  const auto blocks_before = [&](uint64_t offset) {
    const uint64_t bytes = std::clamp(offset, step.offset, step.offset + step.size) - step.offset;
    return (elements.index_of((bytes + size - 1) / size) + kReductionBlock - 1) / kReductionBlock;
  };
  const uint64_t first_block = rounded_up(blocks_before(range.begin), walk.blocks_at_once);
  const uint64_t end_block = std::min(elements.blocks(), rounded_up(blocks_before(range.end), walk.blocks_at_once));
  if (walk.only_blocks.empty()) return add_run(index, elements, first_block, end_block);
  for (const uint64_t block : walk.only_blocks)
    if (block >= first_block && block < end_block) add_run(index, elements, block, block + 1);
}

void StatisticsWorker::add_run(uint32_t index, const ReducedElements& elements, uint64_t first_block,
                               uint64_t end_block) {
  if (first_block >= end_block) return;
  const Step& step = plan_.steps[index];
  const uint64_t begin = elements.element_of(first_block * kReductionBlock);
  const uint64_t end = std::min(element_count(step), elements.element_of(end_block * kReductionBlock));
  const uint64_t at_once = options_.piece_size / element_size(step.dtype);
  for (uint64_t at = begin; at < end; at += at_once)
    add_piece({.step = index,
               .begin = at,
               .end = std::min(end, at + at_once),
               .first_block = first_block,
               .first = at == begin,
               .last = at + at_once >= end});
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

bool StatisticsWorker::any_has_lines() const {
  return std::ranges::any_of(
      pieces_, [&](const Piece& piece) { return statistics_of(plan_, plan_.steps[piece.step]).has_lines(); });
}

void StatisticsWorker::compute_pieces() {
  windows_.map();
  // Who has a slot of a device must not wait for others, as the sums of columns do.
  const bool sends = ring_ && ring_->working() && !pieces_.empty() && !any_has_lines();
  const size_t done = sends ? sum_on_device(*ring_) : 0;
  {
    SemaphoreLock computing(*options_.semaphore);
    for (const Piece& piece : std::span(pieces_).subspan(done)) compute_piece(piece, computing);
  }
  windows_.finish(options_.drop_cache);
  pieces_.clear();
}

void StatisticsWorker::compute_piece(const Piece& piece, SemaphoreLock& computing) {
  const ReducedElements elements = reduced_elements(plan_, plan_.steps[piece.step]);
  start(piece);
  load_operands(piece);
  count_digits_of(piece, elements);
  for_each_block(piece, elements, [&](uint64_t index, uint64_t end) {
    line_window_.for_each_part(index, end, [&](uint64_t at, uint64_t next, const LineNumbers* lines) {
      operands_.take_lines(lines);
      block_.add(*options_.kernels, reductions_, elements, operands_, at, next);
      of_lines_.add(*options_.kernels, sought_, reductions_, elements, operands_, at, next);
    });
    if (end % kReductionBlock == 0 || end == elements.count)
      of_lines_.end_block(end, elements.count, {options_.pool, computing});
    take_block(elements, end);
  });
  if (piece.last) statistics_.add(piece.step, piece.first_block, found_);
}

// One reduction after another, so that a worker has one set of tables, however many there are.
void StatisticsWorker::count_digits_of(const Piece& piece, const ReducedElements& elements) {
  for (size_t i = 0; i < sought_.size(); ++i) {
    if (sought_[i].kind != Sought::Kind::digit) continue;
    digits_.begin(piece.end - piece.begin);
    const auto count = [&](uint64_t at, uint64_t next, const LineNumbers* lines) {
      operands_.take_lines(lines);
      operands_.for_each_run(reductions_[i], elements, at, next, [&](const ValueRun& run) {
        digits_.count(*options_.kernels, run.values(), sought_[i].digit);
      });
    };
    line_window_.for_each_part(elements.index_of(piece.begin), elements.index_of(piece.end), count);
    statistics_.add_digits(piece.step, i, digits_.sums());
  }
}

// With the coefficients of lower levels in the slots of programs and what hangs on the tensor in their places.
void StatisticsWorker::fill(uint32_t step) {
  if (filled_step_ == step) return;
  filled_step_ = step;
  sought_ = statistics_.walk(step, level_).sought;
  reductions_.clear();
  const std::vector<double> coefficients = statistics_.coefficients(step);
  const TensorFacts facts = facts_of(checkpoints_, plan_.steps[step]);
  TensorLines* const lines = statistics_.lines(step);
  line_window_.begin(lines);
  of_lines_.begin(lines, level_, coefficients);
  for (const Sought& one : sought_)
    reductions_.emplace_back(statistics_of(plan_, plan_.steps[step]).reductions[one.reduction])
        .for_each_program([&](Program& program) {
          fill_slots(program, coefficients);
          fill_places(program, facts);
        });
}

// A piece is computed, or what a device computed of it is taken.
void StatisticsWorker::start(const Piece& piece) {
  fill(piece.step);
  if (!piece.first) return;
  found_.clear();
  block_.begin(sought_);
  of_lines_.begin_run();
}

// fn(index, end) for every part of a reduction block in the piece, numbered as in the reduction.
template <typename Fn>
void StatisticsWorker::for_each_block(const Piece& piece, const ReducedElements& elements, const Fn& fn) {
  const uint64_t end = elements.index_of(piece.end);
  for (uint64_t index = elements.index_of(piece.begin); index < end;) {
    const uint64_t next = std::min(end, (index / kReductionBlock + 1) * kReductionBlock);
    fn(index, next);
    index = next;
  }
}

void StatisticsWorker::take_block(const ReducedElements& elements, uint64_t end) {
  if (end % kReductionBlock == 0 || end == elements.count) block_.take(reductions_, found_);
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
      compute_piece(pieces_[done++], computing);
    }
    collect(slot, computing, done, pieces_.size());
  } catch (const Error& error) {
    ring.take_fault(error);
    if (done < pieces_.size()) windows_.go_back(pieces_[done].first_read);
  }
  return done;
}

// False where the piece does not fit beside what the job has already, is of rows that are cut in two, or has to be
// computed before it is summed.
bool StatisticsWorker::send_piece(DeviceJob& job, const Piece& piece) {
  const Step& step = plan_.steps[piece.step];
  fill(piece.step);
  if (step.expansion != Step::kWhole || !std::ranges::all_of(reductions_, are_operands)) return false;
  const uint64_t count = piece.end - piece.begin;
  const Dtype compute = plan_.programs[step.program].compute;
  windows_.go_back(piece.first_read);
  load_operands(piece);
  std::vector<DeviceJob::OperandIndex> operands(operands_.all().size());
  for (size_t k = 0; k < operands.size(); ++k)
    if (!job.add_operand(operands_.all()[k], count, operands[k])) return false;
  bool fits = true;
  for_each_block(piece, reduced_elements(plan_, step), [&](uint64_t index, uint64_t end) {
    for (size_t r = 0; r < reductions_.size(); ++r) {
      const uint16_t x = *reductions_[r].value.loaded_operand(), y = *reductions_[r].factor->loaded_operand();
      const bool goes_on = !piece.first && index == piece.begin;
      fits = fits && job.add_sum(compute, operands[x], operands[y], index - piece.begin, end - index, index,
                                 goes_on ? block_.sums(r) : LaneSums());
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
    const ReducedElements elements = reduced_elements(plan_, plan_.steps[piece.step]);
    start(piece);
    for_each_block(piece, elements, [&](uint64_t, uint64_t block_end) {
      for (size_t r = 0; r < block_.count(); ++r) block_.sums(r) = slot.job().lanes(sum++);
      take_block(elements, block_end);
    });
    if (piece.last) statistics_.add(piece.step, piece.first_block, found_);
  }
  slot.job().clear();
}

void StatisticsWorker::load_operands(const Piece& piece) {
  const Step& step = plan_.steps[piece.step];
  const uint64_t size = element_size(step.dtype);
  list_reads(plan_, checkpoints_, step, {piece.begin * size, piece.end * size}, reads_);
  operands_.begin(piece.begin);
  // The first of a step whose rows are cut in two is the tail's.
  for (size_t k = 0; k < reads_.size(); ++k) {
    const std::byte* at = windows_.next();
    if (k == 0 && step.expansion != Step::kWhole) continue;
    operands_.add(reads_[k].operand(at), at, reads_[k].whole_rows);
  }
}

}  // namespace ckmerge
