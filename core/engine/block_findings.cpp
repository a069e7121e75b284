// SPDX-License-Identifier: Apache-2.0
#include "core/engine/block_findings.h"

#include <algorithm>

#include "kernels/magnitudes.h"

namespace ckmerge {

void DigitTables::begin(uint64_t elements) {
  tables_.resize(kDigitTables * kDigitBuckets);
  apart_ = elements < 2 * kDigitBuckets ? 0 : kDigitBuckets;
  std::fill_n(tables_.begin(), apart_ == 0 ? kDigitBuckets : tables_.size(), 0);
}

void DigitTables::count(const BlockKernels& kernels, const ReducedValues& values, const Digit& digit) {
  count_digits(kernels, values, digit, tables_.data(), apart_);
}

std::span<const uint32_t> DigitTables::sums() {
  const auto sums = std::span(tables_).first(kDigitBuckets);
  for (size_t table = 1; apart_ > 0 && table < kDigitTables; ++table)
    for (size_t i = 0; i < kDigitBuckets; ++i) sums[i] += tables_[table * apart_ + i];
  return sums;
}

void BlockFindings::begin(std::span<const Sought> sought) {
  parts_.clear();
  for (const Sought& one : sought) parts_.push_back({.sought = one, .number = one.nth});
}

void BlockFindings::add(const BlockKernels& kernels, std::span<const Reduction> reductions,
                        const ReducedElements& elements, const PieceOperands& operands, uint64_t index, uint64_t end) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    if (part.sought.kind == Sought::Kind::digit || part.sought.kind == Sought::Kind::lines) continue;
    if (part.sought.kind == Sought::Kind::place && part.sought.block != index / kReductionBlock) continue;
    operands.for_each_run(reductions[i], elements, index, end,
                          [&](const ValueRun& run) { add_run(kernels, reductions[i], elements, run, part); });
  }
}

void BlockFindings::add_run(const BlockKernels& kernels, const Reduction& reduction, const ReducedElements& elements,
                            const ValueRun& run, Part& part) {
  const uint64_t key = part.sought.key;
  if (part.sought.kind == Sought::Kind::equals) {
    part.number += count_within(kernels, run.values(), key, key);
  } else if (part.sought.kind == Sought::Kind::place) {
    if (part.number == 0) return;
    const uint64_t at = find_key(kernels, run.values(), key, part.number);
    if (part.number == 0) part.place = static_cast<double>(elements.element_of(run.index + at));
  } else if (reduction.how == Reduce::count || part.sought.kind == Sought::Kind::nonzero) {
    part.number += count_within(kernels, run.values(), 1, UINT64_MAX >> 1);
  } else if (reduction.how == Reduce::maximum) {
    part.number = std::max(part.number, largest_key(kernels, run.values()));
  } else {
    const auto x = run.value.loaded_operand(), y = run.factor ? run.factor->loaded_operand() : std::nullopt;
    if (x && y)
      add_products(kernels, run.value.compute, run.operands[*x], run.operands[*y], run.first, run.count, run.index,
                   part.sums);
    else
      add_products(kernels, run.value, run.factor ? &*run.factor : nullptr, run.operands, run.first, run.count,
                   run.index, part.sums, run.places);
  }
}

double BlockFindings::number_of(const Part& part, const Reduction& reduction) {
  if (part.sought.kind == Sought::Kind::place) return part.place;
  if (part.sought.kind != Sought::Kind::number || reduction.how == Reduce::count)
    return static_cast<double>(part.number);
  return reduction.how == Reduce::maximum ? magnitude_of(part.number, reduction.value.compute) : part.sums.total();
}

void BlockFindings::take(std::span<const Reduction> reductions, std::vector<double>& out) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    out.push_back(number_of(parts_[i], reductions[i]));
    parts_[i] = {.sought = parts_[i].sought, .number = parts_[i].sought.nth};
  }
}

}  // namespace ckmerge
