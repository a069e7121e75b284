// SPDX-License-Identifier: Apache-2.0
#include "core/statistics_worker.h"

#include <algorithm>
#include <utility>

#include "core/permit.h"

namespace ckmerge {

StatisticsWorker::StatisticsWorker(const Plan& plan, std::span<const Checkpoint> checkpoints, WindowBatch& windows,
                                   Statistics& statistics, Options options)
    : plan_(plan),
      checkpoints_(checkpoints),
      windows_(windows),
      statistics_(statistics),
      options_(options),
      sums_(statistics.specs().size()) {}

void StatisticsWorker::compute(ByteRange range) {
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
}

bool StatisticsWorker::add_windows(const Piece& piece) {
  const Step& step = plan_.steps[piece.step];
  const uint64_t size = element_size(step.dtype);
  list_reads(plan_, checkpoints_, step, {piece.begin * size, piece.end * size}, reads_);
  return windows_.add(reads_);
}

void StatisticsWorker::compute_pieces() {
  windows_.map();
  {
    const Permit permit(*options_.permits);
    for (const Piece& piece : pieces_) sum_piece(piece);
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
  const uint64_t end = reduction.index_of(piece.end);
  for (uint64_t index = reduction.index_of(piece.begin); index < end;) {
    const uint64_t next = std::min(end, (index / kReductionBlock + 1) * kReductionBlock);
    add_products_of(compute, reduction, piece, index, next);
    index = next;
    if (index % kReductionBlock != 0 && index != reduction.count) continue;
    for (LaneSums& sums : sums_) totals_.push_back(std::exchange(sums, {}).total());
  }
  if (piece.last) statistics_.add(piece.step, piece.first_block, totals_);
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
