// SPDX-License-Identifier: Apache-2.0
#include "core/engine/kept_energy.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/plan/step_rows.h"

namespace ckmerge {
namespace {

// Elements that are measured at a time: their values and products stay in L1.
constexpr uint64_t kMeasured = kBlockElements;

// The sum of values that are a power of two in number, as a tree of sums of neighbours, three of its levels at a time.
double paired_sum(std::span<const double> values) {
  if (values.size() == 1) return values[0];
  if (values.size() > kMeasured || values.size() < 8) {
    const size_t half = values.size() / 2;
    return paired_sum(values.first(half)) + paired_sum(values.subspan(half));
  }
  double sums[kMeasured / 8];
  for (size_t i = 0; i < values.size() / 8; ++i) {
    const double* const x = &values[8 * i];
    sums[i] = ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
  }
  return paired_sum({sums, values.size() / 8});
}

// The results of a program as f64.
void run_wide(const MeasuredPart& part, const Program& program, uint64_t at, uint64_t count, double* out) {
  StoreCounts ignored;
  run_program(part.kernels, program, part.operands.data(), at, count, out, Dtype::F64, ignored, {.first = part.first});
}

void multiply(std::span<const double> base, std::span<const double> stored, std::span<double> added,
              std::span<double> kept) {
  for (size_t i = 0; i < kept.size(); ++i) {
    kept[i] = (stored[i] - base[i]) * added[i];
    added[i] *= added[i];
  }
}

// What is not finite counts for nothing: of it there is no share.
void leave_out_infinite(std::span<double> kept, std::span<double> added) {
  for (size_t i = 0; i < kept.size(); ++i)
    if (!std::isfinite(kept[i]) || !std::isfinite(added[i])) kept[i] = added[i] = 0;
}

// Of all sums one is not finite where an element is not.
PairedSums finite_sums(uint64_t first, std::span<double> kept, std::span<double> added) {
  PairedSums sums;
  sums.add(first, kept, added);
  if (const EnergySums total = sums.total(); std::isfinite(total.kept) && std::isfinite(total.added)) return sums;
  leave_out_infinite(kept, added);
  sums = {};
  sums.add(first, kept, added);
  return sums;
}

}  // namespace

void PairedSums::add(uint64_t first, std::span<const double> kept, std::span<const double> added) {
  for (size_t at = 0; at < kept.size();) {
    const uint64_t begin = first + at, most = std::bit_floor(kept.size() - at);
    const uint64_t length = begin == 0 ? most : std::min<uint64_t>(most, begin & (~begin + 1));
    put(begin, {length, {paired_sum(kept.subspan(at, length)), paired_sum(added.subspan(at, length))}});
    at += length;
  }
}

void PairedSums::add(const PairedSums& other) {
  for (const auto& [begin, range] : other.ranges_) put(begin, range);
}

void PairedSums::put(uint64_t begin, Range range) {
  for (;;) {
    const auto other = ranges_.find(begin ^ range.length);
    if (other == ranges_.end() || other->second.length != range.length) break;
    const bool is_left = begin < other->first;
    range.sums = is_left ? range.sums + other->second.sums : other->second.sums + range.sums;
    begin &= ~range.length;
    range.length *= 2;
    ranges_.erase(other);
  }
  ranges_.emplace(begin, range);
}

EnergySums PairedSums::total() const {
  EnergySums total;
  for (const auto& [begin, range] : ranges_) total = total + range.sums;
  return total;
}

PairedSums measured_energy(const MeasuredPart& part) {
  PairedSums sums;
  double base[kMeasured], added[kMeasured], stored[kMeasured], kept[kMeasured];
  for (uint64_t at = 0; at < part.count;) {
    // Up to where a whole range ends.
    const uint64_t n = std::min(part.count - at, kMeasured - (part.first + at) % kMeasured);
    run_wide(part, part.base, at, n, base);
    run_wide(part, part.added, at, n, added);
    part.kernels.load64[static_cast<size_t>(part.dtype)](part.out + at * element_size(part.dtype), stored, n);
    multiply({base, n}, {stored, n}, {added, n}, {kept, n});
    sums.add(finite_sums(part.first + at, {kept, n}, {added, n}));
    at += n;
  }
  return sums;
}

void KeptEnergy::add(uint32_t step, uint64_t count, const PairedSums& sums) {
  const std::lock_guard lock(mutex_);
  Gathered& gathered = steps_[step];
  gathered.sums.add(sums);
  gathered.count += count;
  if (gathered.count < element_count(plan_.steps[step])) return;
  gathered.total = gathered.sums.total();
  gathered.sums = {};
}

std::vector<StepEnergy> KeptEnergy::steps() const {
  const std::lock_guard lock(mutex_);
  std::vector<StepEnergy> steps;
  for (const auto& [step, gathered] : steps_) steps.push_back({step, gathered.total});
  return steps;
}

}  // namespace ckmerge
