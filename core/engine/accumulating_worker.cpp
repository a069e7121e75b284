// SPDX-License-Identifier: Apache-2.0
#include "core/engine/accumulating_worker.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/engine/made_step.h"
#include "core/engine/value_check.h"
#include "core/plan/step_rows.h"
#include "core/threads/semaphore_lock.h"
#include "kernels/result_origins.h"

namespace ckmerge {
namespace {

uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

Program first_term(Dtype compute, double k) {
  Program program{.compute = compute, .result = 0, .code = {{.op = Op::load}}};
  if (k != 1) program.code.push_back({.op = Op::scale, .k0 = k});
  return program;
}

// Operand 0 is the sum so far.
Program next_term(Dtype compute, double k) {
  Program program{
      .compute = compute, .result = 0, .code = {{.op = Op::load}, {.op = Op::load, .dst = 1, .operand = 1}}};
  if (k == 1)
    program.code.push_back({.op = Op::add, .b = 1});
  else
    program.code.push_back({.op = Op::add_scaled, .b = 1, .k0 = k});
  return program;
}

// `op` of two operands.
Program joined(Dtype compute, Op op) {
  return {.compute = compute,
          .result = 0,
          .code = {{.op = Op::load}, {.op = Op::load, .dst = 1, .operand = 1}, {.op = op, .b = 1}}};
}

}  // namespace

AccumulatingWorker::AccumulatingWorker(const Plan& plan, std::span<const Checkpoint> checkpoints, WindowBatch& windows,
                                       const TileWorker::Options& options, std::byte* sums)
    : plan_(plan),
      checkpoints_(checkpoints),
      windows_(windows),
      options_(options),
      sums_(sums),
      terms_(plan.programs.size()) {
  for (const Step& step : plan.steps)
    if (computes(plan, step) && terms_[step.program].empty()) terms_[step.program] = *sum_in_order(plan, step);
}

void AccumulatingWorker::compute(ByteRange range, std::span<std::byte> out) {
  uint64_t at = options_.put_header(plan_, range, out.data());
  while (at < range.end) {
    at = list_parts({at, range.end}, out.data() + (at - range.begin)).end;
    for (uint32_t k = 0; k < checkpoints_.size(); ++k) accumulate(k);
    const SemaphoreLock computing(*options_.semaphore);
    for (const Part& part : parts_)
      if (part.sums) store(part);
  }
}

// The parts of steps in `range`, as many as there may be; returns what of it they cover.
ByteRange AccumulatingWorker::list_parts(ByteRange range, std::byte* out) {
  parts_.clear();
  uint64_t sums = 0;
  for (size_t i = first_step_after(plan_, range.begin); i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= range.end) break;
    const uint64_t begin = std::max(range.begin, step.offset), end = std::min(range.end, step.offset + step.size);
    if (begin >= end) continue;
    if (parts_.size() == Accumulation::kMostParts) return {range.begin, begin};
    Part part{.step = static_cast<uint32_t>(i),
              .bytes = {begin - step.offset, end - step.offset},
              .out = out + (begin - range.begin),
              .sums = nullptr,
              .agreed = nullptr};
    fill_made_step(step, checkpoints_, part.bytes, part.out);
    if (computes(plan_, step)) {
      const uint64_t size = round_up(count_of(part) * element_size(compute_dtype(part)), Accumulation::kAlignment);
      part.sums = sums_ + sums;
      sums += size;
      if (plan_.programs[step.program].keeps_equal()) part.agreed = std::exchange(sums, sums + size) + sums_;
    }
    parts_.push_back(part);
  }
  return range;
}

// Index of the source that `part` takes from `checkpoint`, if any: they come in the order of the checkpoints.
std::optional<uint32_t> AccumulatingWorker::source_in(const Part& part, uint32_t checkpoint) const {
  const Step& step = step_of(part);
  if (part.next_source == step.source_count) return std::nullopt;
  const uint32_t s = part.sums ? terms_[step.program][part.next_source].operand : part.next_source;
  if (plan_.source(step, s).checkpoint != checkpoint) return std::nullopt;
  return s;
}

// A compared source of another dtype differs, whatever its bytes are.
bool AccumulatingWorker::differs_in_dtype(const Part& part, uint32_t s) const {
  const Source source = plan_.source(step_of(part), s);
  return !part.sums && checkpoints_[source.checkpoint].tensors[source.tensor].dtype != step_of(part).dtype;
}

void AccumulatingWorker::accumulate(uint32_t checkpoint) {
  for (size_t begin = 0, end = 0; begin < parts_.size(); begin = end) {
    std::vector<std::pair<size_t, SourceRead>> reads;
    for (end = begin; end < parts_.size(); ++end) {
      const std::optional<uint32_t> s = source_in(parts_[end], checkpoint);
      if (!s) continue;
      if (differs_in_dtype(parts_[end], *s)) {
        step_report_.differing.insert(parts_[end].step);
        ++parts_[end].next_source;
        continue;
      }
      const SourceRead read = read_of(plan_, checkpoints_, step_of(parts_[end]), *s, parts_[end].bytes);
      if (!windows_.add({&read, 1})) break;
      reads.emplace_back(end, read);
    }
    windows_.map();
    {
      const SemaphoreLock computing(*options_.semaphore);
      for (const auto& [i, read] : reads) take(parts_[i], read);
    }
    windows_.finish(options_.drop_cache);
  }
}

void AccumulatingWorker::take(Part& part, const SourceRead& read) {
  const std::byte* const bytes = windows_.next();
  part.sums ? add(part, read.operand(bytes)) : copy(part, bytes);
  ++part.next_source;
}

// The first source is copied, the others are compared with it.
void AccumulatingWorker::copy(const Part& part, const std::byte* bytes) {
  if (part.next_source == 0)
    std::memcpy(part.out, bytes, part.bytes.size());
  else if (std::memcmp(part.out, bytes, part.bytes.size()) != 0)
    step_report_.differing.insert(part.step);
}

// Some thousand elements at a time, so that what is read twice comes from the cache.
void AccumulatingWorker::add(const Part& part, Operand operand) {
  constexpr uint64_t kElements = 8192;
  const Dtype compute = compute_dtype(part);
  const double k = terms_[step_of(part).program][part.next_source].coefficient;
  const bool first = part.next_source == 0;
  const Program term = first ? first_term(compute, k) : next_term(compute, k);
  const Program agreement = first ? first_term(compute, 1) : joined(compute, Op::agree);
  const Operand with_sums[] = {first ? operand : Operand{.data = part.sums, .dtype = compute}, operand};
  const Operand with_agreed[] = {first ? operand : Operand{.data = part.agreed, .dtype = compute}, operand};
  StoreCounts not_stored_yet;
  for (uint64_t at = 0; at < count_of(part); at += kElements) {
    const uint64_t n = std::min(kElements, count_of(part) - at), offset = at * element_size(compute);
    run_program(*options_.kernels, term, with_sums, at, n, part.sums + offset, compute, not_stored_yet);
    if (part.agreed)
      run_program(*options_.kernels, agreement, with_agreed, at, n, part.agreed + offset, compute, not_stored_yet);
  }
}

void AccumulatingWorker::store(const Part& part) {
  StoreCounts counts;
  store(part, part.out, step_of(part).dtype, counts);
  const Step& step = step_of(part);
  if (counts.non_finite > 0 || computes_variance(plan_, checkpoints_, step)) find_origins(part, counts);
  step_report_.add(part.step, counts);
  if (is_zero(part.out, step.dtype, count_of(part))) step_report_.zeros[part.step] += count_of(part);
}

void AccumulatingWorker::store(const Part& part, std::byte* out, Dtype dtype, StoreCounts& counts) {
  const Dtype compute = compute_dtype(part);
  const Operand operands[] = {{.data = part.agreed, .dtype = compute}, {.data = part.sums, .dtype = compute}};
  run_program(*options_.kernels, part.agreed ? joined(compute, Op::agreed_or) : first_term(compute, 1),
              part.agreed ? operands : operands + 1, 0, count_of(part), out, dtype, counts,
              {.first = part.bytes.begin / element_size(step_of(part).dtype)},
              rounding_of(plan_, checkpoints_, step_of(part)));
}

// Whose the NaN and Inf are, and what is below zero. Reads everything again, so for variances and parts that have NaN
// or Inf only; their sums become the results.
void AccumulatingWorker::find_origins(const Part& part, StoreCounts& counts) {
  const Step& step = step_of(part);
  StoreCounts ignored;
  store(part, part.sums, compute_dtype(part), ignored);
  std::vector<uint8_t> marks(count_of(part));
  ResultOrigins origins(*options_.kernels,
                        {.compute = compute_dtype(part),
                         .results = part.sums,
                         .out = reinterpret_cast<unsigned char*>(part.out),
                         .dtype = step.dtype,
                         .keeps_equal = part.agreed != nullptr},
                        marks);
  for (uint32_t s = 0; s < step.source_count; ++s) {
    const SourceRead read = read_of(plan_, checkpoints_, step, s, part.bytes);
    windows_.add({&read, 1});
    windows_.map();
    origins.take(read.operand(windows_.next()), 0, is_beyond_range(checkpoints_, read.source));
    windows_.finish(options_.drop_cache);
  }
  origins.count(counts);
  if (computes_variance(plan_, checkpoints_, step)) counts.negative = origins.negative();
}

}  // namespace ckmerge
