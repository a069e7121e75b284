// SPDX-License-Identifier: Apache-2.0
#include "core/engine/reduced_tensor.h"

#include <algorithm>
#include <cmath>

namespace ckmerge {

ReducedElements reduced_elements(const Plan& plan, const Step& step) {
  const StepRows rows = rows_of(plan, step);
  const bool heads_only = rows.expanded() && !plan.expansions[step.expansion].others_count_as_zero;
  const uint64_t count = element_count(step);
  return {.rows = rows, .heads_only = heads_only, .count = heads_only ? rows.heads_before(count) : count};
}

ReducedTensor::ReducedTensor(const StatisticSet& set, const ReducedElements& elements)
    : set_(set), elements_(elements), numbers_(set.reductions.size()), cuts_(set.reductions.size()) {
  for (size_t r = 0; r < set.reductions.size(); ++r) {
    const Reduction& reduction = set.reductions[r];
    if (reduction.how != Reduce::cut) continue;
    cuts_[r].emplace(reduction.value.compute, elements.count,
                     elements.count == 0 ? 0 : elements.element_of(elements.count - 1) + 1, reduction.cut.keeps_equal);
    if (!reduction.cut.of_nonzero) keep(r, elements.count);
  }
  begin_walk();
}

void ReducedTensor::keep(size_t reduction, uint64_t count) {
  const Cut& cut = set_.reductions[reduction].cut;
  cuts_[reduction]->keep(cut.kept(cut.shares, count));
}

Sought ReducedTensor::sought_of_cut(size_t reduction) const {
  const MagnitudeCut& cut = *cuts_[reduction];
  switch (cut.next()) {
    case MagnitudeCut::Next::digit: return {reduction, Sought::Kind::digit, cut.digit()};
    case MagnitudeCut::Next::equals: return {reduction, Sought::Kind::equals, {}, cut.key()};
    default: return {reduction, Sought::Kind::place, {}, cut.key(), cut.block(), cut.nth()};
  }
}

void ReducedTensor::begin_walk() {
  sought_.clear();
  only_.clear();
  early_.clear();
  next_block_ = 0;
  for (size_t r = 0; r < set_.reductions.size(); ++r) {
    if (!set_.reductions[r].walks_at(level_)) continue;
    if (set_.reductions[r].over != Over::tensor) {
      sought_.push_back({.reduction = r, .kind = Sought::Kind::lines});
      continue;
    }
    if (!cuts_[r]) {
      sought_.push_back({.reduction = r});
      continue;
    }
    if (set_.reductions[r].cut.of_nonzero && set_.reductions[r].level == level_)
      sought_.push_back({.reduction = r, .kind = Sought::Kind::nonzero});
    if (cuts_[r]->next() != MagnitudeCut::Next::nothing) sought_.push_back(sought_of_cut(r));
  }
  digits_.clear();
  digits_.resize(sought_.size());
  bool all = false;
  for (const Sought& one : sought_) {
    if (one.kind == Sought::Kind::place)
      only_.push_back(one.block);
    else
      all = true;
  }
  std::ranges::sort(only_);
  only_.erase(std::unique(only_.begin(), only_.end()), only_.end());  // clang 14 lacks that of ranges
  if (all) only_.clear();
}

bool ReducedTensor::add(uint64_t first_block, std::span<const double> found) {
  const auto order =
      only_.empty() ? first_block : static_cast<uint64_t>(std::ranges::lower_bound(only_, first_block) - only_.begin());
  early_.emplace(order, std::vector<double>(found.begin(), found.end()));
  const size_t width = sought_.size();
  while (!early_.empty() && early_.begin()->first == next_block_) {
    const std::span<const double> next = early_.begin()->second;
    for (size_t i = 0; i < next.size(); i += width, ++next_block_)
      take(only_.empty() ? next_block_ : only_[next_block_], next.subspan(i, width));
    early_.erase(early_.begin());
  }
  return next_block_ == blocks();
}

void ReducedTensor::take(uint64_t block, std::span<const double> found) {
  for (size_t i = 0; i < sought_.size(); ++i) {
    const Sought& one = sought_[i];
    double& number = numbers_[one.reduction];
    switch (one.kind) {
      case Sought::Kind::digit:
      case Sought::Kind::lines: break;
      case Sought::Kind::nonzero: number += found[i]; break;
      case Sought::Kind::equals: cuts_[one.reduction]->take_equals(block, static_cast<uint64_t>(found[i])); break;
      case Sought::Kind::place:
        if (found[i] >= 0) cuts_[one.reduction]->take_place(static_cast<uint64_t>(found[i]));
        break;
      case Sought::Kind::number:
        if (set_.reductions[one.reduction].how != Reduce::maximum)
          number += found[i];
        else if (std::isnan(found[i]) || found[i] > number)
          number = found[i];
    }
  }
}

void ReducedTensor::end_walk() {
  for (size_t i = 0; i < sought_.size(); ++i) {
    const size_t reduction = sought_[i].reduction;
    if (sought_[i].kind == Sought::Kind::nonzero) keep(reduction, static_cast<uint64_t>(numbers_[reduction]));
    const bool counts = sought_[i].kind == Sought::Kind::digit && cuts_[reduction]->next() == MagnitudeCut::Next::digit;
    if (counts) cuts_[reduction]->take_digit(digits_[i]);
    if (sought_[i].kind == Sought::Kind::equals) cuts_[reduction]->finish_equals();
  }
  ++level_;
  begin_walk();
}

void ReducedTensor::put_numbers(size_t reduction, std::vector<double>& out) const {
  if (set_.reductions[reduction].over != Over::tensor) return;
  if (!cuts_[reduction]) return out.push_back(numbers_[reduction]);
  out.push_back(cuts_[reduction]->least());
  out.push_back(cuts_[reduction]->end());
}

}  // namespace ckmerge
