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
  return reduction.value.loaded_operand() && reduction.factor && reduction.factor->loaded_operand();
}

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

// A block belongs to the range in which its first element is stored.
void StatisticsWorker::add_step(uint32_t index, ByteRange range) {
  const Step& step = plan_.steps[index];
  const ReducedElements elements = reduced_elements(plan_, step);
  const uint64_t size = element_size(step.dtype);
  const auto blocks_before = [&](uint64_t offset) {
    const uint64_t bytes = std::clamp(offset, step.offset, step.offset + step.size) - step.offset;
    return (elements.index_of((bytes + size - 1) / size) + kReductionBlock - 1) / kReductionBlock;
  };
  const uint64_t first_block = blocks_before(range.begin), end_block = blocks_before(range.end);
  if (first_block == end_block) return;
  const uint64_t begin = elements.element_of(first_block * kReductionBlock);
  const uint64_t end = std::min(element_count(step), elements.element_of(end_block * kReductionBlock));
  const uint64_t at_once = options_.piece_size / size;
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
  const ReducedElements elements = reduced_elements(plan_, step);
  const std::span<const Reduction> reductions = reductions_of(piece);
  const uint64_t size = element_size(step.dtype);
  load_operands(step, {piece.begin * size, piece.end * size});
  if (piece.first) start(piece);
  for_each_block(piece, elements, [&](uint64_t index, uint64_t end) {
    add_block(reductions, elements, piece, index, end);
    take_totals(elements, end);
  });
  if (piece.last) statistics_.add(piece.step, level_, piece.first_block, totals_);
}

void StatisticsWorker::start(const Piece& piece) {
  totals_.clear();
  sums_.assign(statistics_of(plan_, plan_.steps[piece.step]).reductions_of(level_).size(), {});
}

// Those of the level, the coefficients of lower ones in their slots. Programs that hang on the tensor are filled in
// copies.
std::span<const Reduction> StatisticsWorker::reductions_of(const Piece& piece) {
  const std::span<const Reduction> planned = statistics_of(plan_, plan_.steps[piece.step]).reductions_of(level_);
  if (filled_step_ == piece.step) return filled_;
  const auto has_places = [](const Reduction& reduction) {
    return reduction.value.has_places() || (reduction.factor && reduction.factor->has_places());
  };
  if (level_ == 0 && std::ranges::none_of(planned, has_places)) return planned;
  filled_.assign(planned.begin(), planned.end());
  filled_step_ = piece.step;
  const std::vector<double> coefficients = level_ == 0 ? std::vector<double>() : statistics_.coefficients(piece.step);
  const TensorFacts facts = facts_of(checkpoints_, plan_.steps[piece.step]);
  const auto fill = [&](Program& program) {
    if (level_ > 0) fill_slots(program, coefficients);
    fill_places(program, facts);
  };
  for (Reduction& reduction : filled_) {
    fill(reduction.value);
    for (std::optional<Program>* program : {&reduction.factor, &reduction.tail_value, &reduction.tail_factor})
      if (*program) fill(**program);
  }
  return filled_;
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

// What the sums have come to where a block ends.
void StatisticsWorker::take_totals(const ReducedElements& elements, uint64_t end) {
  if (end % kReductionBlock != 0 && end != elements.count) return;
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

// False where the piece does not fit beside what the job has already, is of rows that are cut in two, or has to be
// computed before it is summed.
bool StatisticsWorker::send_piece(DeviceJob& job, const Piece& piece) {
  const Step& step = plan_.steps[piece.step];
  const std::span<const Reduction> reductions = statistics_of(plan_, step).reductions_of(level_);
  if (step.expansion != Step::kWhole || !std::ranges::all_of(reductions, are_operands)) return false;
  const uint64_t size = element_size(step.dtype), count = piece.end - piece.begin;
  const Dtype compute = plan_.programs[step.program].compute;
  windows_.go_back(piece.first_read);
  load_operands(step, {piece.begin * size, piece.end * size});
  std::vector<DeviceJob::OperandIndex> operands(all_.size());
  for (size_t k = 0; k < all_.size(); ++k)
    if (!job.add_operand(all_[k], count, operands[k])) return false;
  bool fits = true;
  for_each_block(piece, reduced_elements(plan_, step), [&](uint64_t index, uint64_t end) {
    for (size_t r = 0; r < reductions.size(); ++r) {
      const uint16_t x = *reductions[r].value.loaded_operand(), y = *reductions[r].factor->loaded_operand();
      const bool goes_on = !piece.first && index == piece.begin;
      fits = fits && job.add_sum(compute, operands[x], operands[y], index - piece.begin, end - index, index,
                                 goes_on ? sums_[r] : LaneSums());
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
    if (piece.first) totals_.clear();
    sums_.resize(statistics_of(plan_, plan_.steps[piece.step]).reductions_of(level_).size());
    for_each_block(piece, elements, [&](uint64_t, uint64_t block_end) {
      for (LaneSums& sums : sums_) sums = slot.job().lanes(sum++);
      take_totals(elements, block_end);
    });
    if (piece.last) statistics_.add(piece.step, level_, piece.first_block, totals_);
  }
  slot.job().clear();
}

void StatisticsWorker::load_operands(const Step& step, ByteRange part) {
  list_reads(plan_, checkpoints_, step, part, reads_);
  heads_.clear();
  all_.clear();
  whole_rows_.clear();
  // The first of a step whose rows are cut in two is the tail's.
  for (size_t k = 0; k < reads_.size(); ++k) {
    const std::byte* at = windows_.next();
    if (k == 0 && step.expansion != Step::kWhole) continue;
    heads_.push_back(reads_[k].operand(at));
    all_.push_back({.data = at, .dtype = reads_[k].view.dtype});
    whole_rows_.push_back(reads_[k].whole_rows);
  }
}

// Elements [index, end) of the reductions, within one block.
void StatisticsWorker::add_block(std::span<const Reduction> reductions, const ReducedElements& elements,
                                 const Piece& piece, uint64_t index, uint64_t end) {
  const StepRows& rows = elements.rows;
  const uint64_t origin = rows.origin(piece.begin), heads = rows.heads_before(origin);
  for (size_t r = 0; r < sums_.size(); ++r) {
    const Reduction& reduction = reductions[r];
    if (elements.heads_only)
      add_values({reduction.value, reduction.factor, heads_, rows.places_of_heads(origin)}, index - heads, end - index,
                 index, sums_[r]);
    else if (has_whole_rows(reduction))
      add_values({reduction.value, reduction.factor, all_, {.first = piece.begin}}, index - piece.begin, end - index,
                 index, sums_[r]);
    else
      add_rows(reduction, rows, piece, index, end, sums_[r]);
  }
}

// Elements [begin, end), numbered as elements: heads from all checkpoints, tails from the first alone.
void StatisticsWorker::add_rows(const Reduction& reduction, const StepRows& rows, const Piece& piece, uint64_t begin,
                                uint64_t end, LaneSums& sums) {
  const uint64_t origin = rows.origin(piece.begin), heads = rows.heads_before(origin);
  const bool tails = reduction.tail_value && (!reduction.factor || reduction.tail_factor);
  for (uint64_t at = begin; at < end;) {
    const uint64_t row_begin = at / rows.row * rows.row;
    const uint64_t head_end = std::min(end, row_begin + rows.head), row_end = std::min(end, row_begin + rows.row);
    if (at < head_end) {
      add_values({reduction.value, reduction.factor, heads_, rows.places_of_heads(origin)},
                 rows.heads_before(at) - heads, head_end - at, at, sums);
      at = head_end;
    }
    if (tails && at < row_end)
      add_values({*reduction.tail_value, reduction.tail_factor, all_, {.first = piece.begin}}, at - piece.begin,
                 row_end - at, at, sums);
    at = row_end;
  }
}

void StatisticsWorker::add_values(const Values& values, uint64_t first, uint64_t count, uint64_t index,
                                  LaneSums& sums) {
  const auto& [value, factor, operands, places] = values;
  const std::optional<uint16_t> x = value.loaded_operand(), y = factor ? factor->loaded_operand() : std::nullopt;
  if (x && y)
    return add_products(*options_.kernels, value.compute, operands[*x], operands[*y], first, count, index, sums);
  add_products(*options_.kernels, value, factor ? &*factor : nullptr, operands.data(), first, count, index, sums,
               places);
}

// Whether all that is reduced lies in whole rows.
bool StatisticsWorker::has_whole_rows(const Reduction& reduction) const {
  const auto whole = [&](const Program& program) {
    return std::ranges::all_of(program.code,
                               [&](const Instruction& i) { return i.op != Op::load || whole_rows_[i.operand]; });
  };
  return whole(reduction.value) && (!reduction.factor || whole(*reduction.factor));
}

}  // namespace ckmerge
