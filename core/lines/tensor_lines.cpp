// SPDX-License-Identifier: Apache-2.0
#include "core/lines/tensor_lines.h"

#include <algorithm>
#include <cmath>

namespace ckmerge {
namespace {

// Lines whose numbers are brought together at a time: some tens of KiB.
constexpr uint64_t kLinesAtOnce = 4096;

void bring_together(double& sum, double part, bool maximum) {
  if (!maximum)
    sum += part;
  else if (std::isnan(part) || (!std::isnan(sum) && part > sum))
    sum = part;
}

// Has the method make numbers of what was found of lines, in place of those of the round before.
void make_numbers(const LineRound& round, LineTable& table, const TensorLines::FoundRows& found,
                  std::span<const double> tensor) {
  const TensorCoefficients& made = *round.made;
  const size_t count = found.count, width = made.line_count;
  std::vector<double> all(width * count), line(width), numbers(found.numbers.size());
  for (size_t k = 0; made.round > 0 && k < width; ++k)
    table.read(k, found.first, std::span(all).subspan(k * count, count));
  for (size_t i = 0; i < count; ++i) {
    for (size_t r = 0; r < numbers.size(); ++r) numbers[r] = found.numbers[r][found.skip + i];
    for (size_t k = 0; k < width; ++k) line[k] = all[k * count + i];
    made.method->line_coefficients(
        made.given, {.numbers = numbers, .tensor = tensor, .count = round.lines.length, .round = made.round}, line);
    for (size_t k = 0; k < width; ++k) all[k * count + i] = line[k];
  }
  for (size_t k = 0; k < width; ++k) table.write(k, found.first, std::span(all).subspan(k * count, count));
}

}  // namespace

TensorLines::TensorLines(const StatisticSet& set, std::span<const uint64_t> shape, LineStore& store)
    : set_(set), store_(store), slots_(set.line_count), shape_(shape.begin(), shape.end()) {
  for (const uint64_t dimension : shape) elements_ *= dimension;
  for (const TensorCoefficients& made : set.coefficients) {
    if (made.over == Over::tensor || tables_.contains(made.first_line)) continue;
    const Lines lines = lines_of(made.over, shape_);
    auto table = std::make_unique<LineTable>(store, made.line_count, lines.count(elements_));
    for (size_t k = 0; k < made.line_count; ++k) slots_[made.first_line + k] = {table.get(), k, lines};
    tables_.emplace(made.first_line, std::move(table));
  }
}

std::vector<LineRound> TensorLines::rounds(size_t level) const {
  std::vector<LineRound> rounds;
  for (const TensorCoefficients& made : set_.coefficients) {
    LineRound round{.made = &made, .reductions = {}, .lines = {}};
    for (size_t r = made.first_reduction; r < made.first_reduction + size_t{made.reduction_count}; ++r)
      if (set_.reductions[r].over != Over::tensor && set_.reductions[r].level == level) round.reductions.push_back(r);
    if (round.reductions.empty()) continue;
    round.lines = lines_of(made.over, shape_);
    rounds.push_back(std::move(round));
  }
  return rounds;
}

uint64_t TensorLines::blocks_at_once(size_t level) const {
  uint64_t most = 1;
  for (const LineRound& round : rounds(level))
    if (!round.lines.are_rows()) most = std::max(most, strip_blocks(round.lines));
  return most;
}

void TensorLines::begin_walk(size_t level) {
  walk_.clear();
  for (LineRound& round : rounds(level)) {
    Walk& walk = *walk_.emplace_back(std::make_unique<Walk>());
    walk.table = tables_.at(round.made->first_line).get();
    walk.round = std::move(round);
    if (!walk.round.lines.are_rows())
      walk.columns = std::make_unique<LineTable>(store_, walk.round.reductions.size(), walk.table->lines());
  }
}

void TensorLines::end_walk(std::span<const double> coefficients, const ThreadPool* pool) {
  for (const auto& walk : walk_) {
    const auto tensor = coefficients.subspan(walk->round.made->first_slot, walk->round.made->given.size());
    std::vector<std::vector<double>> numbers(walk->round.reductions.size());
    for (uint64_t at = 0; walk->columns && at < walk->columns->lines(); at += kLinesAtOnce) {
      if (pool) pool->check();
      const auto count = static_cast<size_t>(std::min(kLinesAtOnce, walk->columns->lines() - at));
      for (size_t r = 0; r < numbers.size(); ++r) {
        numbers[r].resize(count);
        walk->columns->read(r, at, numbers[r]);
      }
      make_numbers(walk->round, *walk->table, {.first = at, .count = count, .skip = 0, .numbers = numbers}, tensor);
    }
  }
  walk_.clear();
}

void TensorLines::put_rows(size_t round, const FoundRows& found, std::span<const double> tensor) {
  make_numbers(walk_[round]->round, *walk_[round]->table, found, tensor);
}

void TensorLines::put_row_part(size_t round, uint64_t row, uint64_t block, uint64_t elements,
                               std::vector<double> numbers, std::span<const double> tensor) {
  Walk& walk = *walk_[round];
  RowParts whole;
  {
    const std::lock_guard lock(mutex_);
    RowParts& parts = walk.rows[row];
    parts.elements += elements;
    parts.by_block.emplace(block, std::move(numbers));
    if (parts.elements < walk.round.lines.length) return;
    whole = std::move(parts);
    walk.rows.erase(row);
  }
  std::vector<std::vector<double>> sums(walk.round.reductions.size(), {0});
  for (const auto& [at, part] : whole.by_block)
    for (size_t r = 0; r < sums.size(); ++r) bring_together(sums[r][0], part[r], is_maximum(walk, r));
  put_rows(round, {.first = row, .count = 1, .skip = 0, .numbers = sums}, tensor);
}

void TensorLines::wait_for_turn(size_t round, uint64_t strip, const ThreadPool& pool) {
  const Walk& walk = *walk_[round];
  const uint64_t size = strip_blocks(walk.round.lines) * kReductionBlock;
  const uint64_t apart = std::max<uint64_t>(1, walk.round.lines.inner / size);  // strips that have columns of their own
  std::unique_lock lock(mutex_);
  pool.wait(lock, changed_, [&] { return walk.first_undone + apart > strip; });
}

void TensorLines::add_columns(size_t round, uint64_t first, size_t reduction, std::span<const double> numbers) {
  const Walk& walk = *walk_[round];
  double sums[kLinesAtOnce / 8];
  for (size_t at = 0; at < numbers.size(); at += std::size(sums)) {
    const std::span<double> some(sums, std::min(std::size(sums), numbers.size() - at));
    walk.columns->read(reduction, first + at, some);
    for (size_t i = 0; i < some.size(); ++i) bring_together(some[i], numbers[at + i], is_maximum(walk, reduction));
    walk.columns->write(reduction, first + at, some);
  }
}

void TensorLines::finish_turn(size_t round, uint64_t strip) {
  const std::lock_guard lock(mutex_);
  Walk& walk = *walk_[round];
  walk.done.emplace(strip, true);
  for (; walk.done.contains(walk.first_undone); ++walk.first_undone) walk.done.erase(walk.first_undone);
  changed_.notify_all();
}

}  // namespace ckmerge
