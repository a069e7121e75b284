// SPDX-License-Identifier: Apache-2.0
#include "core/engine/line_findings.h"

#include <algorithm>
#include <utility>

namespace ckmerge {
namespace {

uint64_t strip_elements(const Lines& lines) { return strip_blocks(lines) * kReductionBlock; }

}  // namespace

void LineFindings::begin(TensorLines* lines, size_t level, std::vector<double> coefficients) {
  lines_ = lines;
  coefficients_ = std::move(coefficients);
  found_.clear();
  if (!lines_) return;
  for (LineRound& round : lines_->rounds(level)) {
    Found& found = found_.emplace_back();
    const size_t count = round.reductions.size();
    found.parts.resize(count);
    found.ended.resize(count);
    found.strip.resize(count);
    found.maximum.resize(count);
    found.round = std::move(round);
  }
}

void LineFindings::begin_run() {
  for (Found& found : found_) {
    std::ranges::fill(found.parts, RowPart());
    found.strip_begin = UINT64_MAX;
  }
}

std::span<const double> LineFindings::tensor_of(const Found& found) const {
  return std::span(coefficients_).subspan(found.round.made->first_slot, found.round.made->given.size());
}

void LineFindings::add(const BlockKernels& kernels, std::span<const Sought> sought,
                       std::span<const Reduction> reductions, const ReducedElements& elements,
                       const PieceOperands& operands, uint64_t index, uint64_t end) {
  for (size_t n = 0; n < found_.size(); ++n) {
    Found& found = found_[n];
    const Lines& lines = found.round.lines;
    const bool wide = !lines.are_rows() && lines.inner > strip_elements(lines);
    if (!lines.are_rows() && found.strip_begin == UINT64_MAX) {
      found.strip_begin = index;
      for (auto& strip : found.strip) strip.assign(wide ? strip_elements(lines) : lines.inner, 0);
    }
    for (size_t r = 0; r < found.parts.size(); ++r) {
      const auto one = std::ranges::find(sought, found.round.reductions[r], &Sought::reduction) - sought.begin();
      const Reduction& reduction = reductions[static_cast<size_t>(one)];
      found.maximum[r] = reduction.how == Reduce::maximum;
      found.compute = reduction.value.compute;
      operands.for_each_run(reduction, elements, index, end, [&](const ValueRun& run) {
        const ReducedValues values = run.values();
        const LineValues of{values, run.factor ? &*run.factor : nullptr, found.maximum[r]};
        if (lines.are_rows()) {
          found.ended[r].clear();
          reduce_rows(kernels, of, lines.length, index % lines.length, found.parts[r], found.ended[r]);
        } else {
          reduce_columns(kernels, of, lines, wide ? lines.of(index) : 0,
                         found.strip[r].data() + (wide ? index - found.strip_begin : 0));
        }
      });
    }
    if (lines.are_rows()) put_ended(n, index);
  }
}

// Rows that end in elements from `index` on. The first may have begun in a block before.
void LineFindings::put_ended(size_t round, uint64_t index) {
  Found& found = found_[round];
  const uint64_t length = found.round.lines.length, row = index / length;
  const uint64_t block_begin = index / kReductionBlock * kReductionBlock;
  size_t ended = found.ended[0].size(), skip = 0;
  if (ended > 0 && row * length < block_begin) {
    std::vector<double> numbers;
    for (const auto& of_reduction : found.ended) numbers.push_back(of_reduction[0]);
    lines_->put_row_part(round, row, index / kReductionBlock, (row + 1) * length - block_begin, std::move(numbers),
                         tensor_of(found));
    skip = 1;
  }
  if (ended > skip)
    lines_->put_rows(round, {.first = row + skip, .count = ended - skip, .skip = skip, .numbers = found.ended},
                     tensor_of(found));
}

void LineFindings::put_open_row(size_t round, uint64_t block_begin, uint64_t end) {
  Found& found = found_[round];
  const uint64_t length = found.round.lines.length, row = end / length;
  if (end % length == 0) return;
  std::vector<double> numbers;
  for (size_t r = 0; r < found.parts.size(); ++r)
    numbers.push_back(std::exchange(found.parts[r], RowPart()).number(found.maximum[r], found.compute));
  lines_->put_row_part(round, row, block_begin / kReductionBlock, end - std::max(block_begin, row * length),
                       std::move(numbers), tensor_of(found));
}

void LineFindings::put_strip(size_t round, uint64_t end, const Waiting& waiting) {
  Found& found = found_[round];
  const Lines& lines = found.round.lines;
  const uint64_t size = strip_elements(lines), strip = found.strip_begin / size;
  {
    const SemaphoreLock::Pause pause(waiting.computing);
    lines_->wait_for_turn(round, strip, *waiting.pool);
  }
  const bool wide = lines.inner > size;
  for (size_t r = 0; r < found.strip.size(); ++r)
    for (uint64_t at = wide ? found.strip_begin : 0, part = 0; at < (wide ? end : lines.inner); at += part) {
      const uint64_t column = wide ? lines.of(at) : 0;
      part = wide ? std::min(end - at, lines.inner - column) : lines.inner;
      lines_->add_columns(round, column, r, std::span(found.strip[r]).subspan(wide ? at - found.strip_begin : 0, part));
    }
  lines_->finish_turn(round, strip);
  found.strip_begin = UINT64_MAX;
}

void LineFindings::end_block(uint64_t end, uint64_t count, const Waiting& waiting) {
  const uint64_t block_begin = (end - 1) / kReductionBlock * kReductionBlock;
  for (size_t n = 0; n < found_.size(); ++n) {
    if (found_[n].round.lines.are_rows())
      put_open_row(n, block_begin, end);
    else if (end % strip_elements(found_[n].round.lines) == 0 || end == count)
      put_strip(n, end, waiting);
  }
}

}  // namespace ckmerge
