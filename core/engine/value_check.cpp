// SPDX-License-Identifier: Apache-2.0
#include "core/engine/value_check.h"

#include <algorithm>
#include <cmath>

#include "core/plan/step_rows.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/result_origins.h"

namespace ckmerge {
namespace {

// The narrowest dtypes that hold what a step computed, by rank: those with the range of f32 where the step runs in f32
// (BF16 ends a little earlier), f64 where it runs in f64.
enum class Wider : uint8_t { none, bf16, f32, f64 };

constexpr const char* kRemedies[] = {
    "the numbers are too large for the arithmetic, or Inf of one input meets that of another: give coefficients that "
    "are nearer to 0, or copy such tensors from A (--exclude)",
    "store the result in a dtype with more range (--dtype bf16 or f32)",
    "store the result in a dtype with more range (--dtype f32)",
    "store the result in a dtype with more range (--dtype f64)",
};

Wider wider_dtype(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step) {
  for (size_t k = 0; k < step.source_count; ++k) {
    const Source source = plan.source(step, k);
    if (checkpoints[source.checkpoint].tensors[source.tensor].dtype == Dtype::F64) return Wider::f64;
  }
  return step.dtype == Dtype::BF16 ? Wider::f32 : Wider::bf16;
}

std::string_view name_of(std::span<const Checkpoint> checkpoints, const Step& step) {
  return checkpoints[step.named.checkpoint].tensors[step.named.tensor].name;
}

// NaN, Inf and variances below zero.
void check_made(const Plan& plan, std::span<const Checkpoint> checkpoints, const StepReport& step_report) {
  uint64_t values = 0, variances = 0;
  Wider wider = Wider::none;  // computing made them, not storing
  std::vector<std::string> lines;
  for (const auto& [index, counts] : step_report.losses) {
    const uint64_t made = counts.created + counts.overflowed;
    if (made + counts.negative == 0) continue;
    const Step& step = plan.steps[index];
    values += made;
    variances += counts.negative;
    if (counts.overflowed > 0) wider = std::max(wider, wider_dtype(plan, checkpoints, step));
    if (made > 0) lines.push_back(sentence(name_of(checkpoints, step), ": ", counted(made, "value")));
    if (counts.negative > 0)
      lines.push_back(sentence(name_of(checkpoints, step), ": ", counted(counts.negative, "variance"), " below 0"));
  }
  if (lines.empty()) return;
  const std::string of_values = sentence(counted(values, "value"), values == 1 ? " that is" : " that are",
                                         " NaN where no input is, or Inf where all inputs are finite");
  const std::string of_variances =
      sentence(counted(variances, "variance"), " below 0, whose square root is NaN, where no input has one");
  const std::string what = values == 0 ? of_variances : variances == 0 ? of_values : of_values + " and " + of_variances;
  const char* remedy = values == 0 ? "give coefficients that are nearer to 0, or copy the tensors from A (--exclude)"
                                   : kRemedies[static_cast<size_t>(wider)];
  const std::string told = sentence("the result would have ", what, ", in ", counted(lines.size(), "tensor"), "; ",
                                    remedy, ", or take them (--nan warn)");
  throw Error(ErrorCode::mismatch, "", told, std::move(lines));
}

void check_zeros(const Plan& plan, std::span<const Checkpoint> checkpoints, const StepReport& step_report) {
  std::vector<std::string> lines;
  for (const auto& [index, counts] : step_report.losses)
    if (is_all_zero(plan, step_report, index))
      lines.push_back(sentence(name_of(checkpoints, plan.steps[index]), ": ", counted(counts.vanished, "value"),
                               " too small for ", info(plan.steps[index].dtype).name));
  if (lines.empty()) return;
  const std::string told = sentence("the result would have only zeros in ", counted(lines.size(), "tensor"),
                                    ", whose values are too small for the dtype; store them in one with more range "
                                    "(--dtype bf16 or f32), or take them "
                                    "(--underflow warn)");
  throw Error(ErrorCode::mismatch, "", told, std::move(lines));
}

template <typename Value>
uint64_t negative_results(const BlockKernels& kernels, const Program& program, std::span<const Operand> operands,
                          uint64_t count, const std::byte* out, Dtype dtype, const auto& load) {
  Value results[kBlockElements];
  uint8_t marks[kBlockElements];
  uint64_t negative = 0;
  for (uint64_t at = 0, n = 0; at < count; at += n) {
    n = std::min<uint64_t>(kBlockElements, count - at);
    load(out + at * element_size(dtype), results, n);
    if (std::none_of(results, results + n, [](Value result) { return result < 0; })) continue;
    ResultOrigins origins(kernels, {.compute = program.compute, .results = results, .dtype = dtype}, {marks, n});
    for (const Instruction& i : program.code)
      if (i.op == Op::load) origins.take(operands[i.operand], at);
    negative += origins.negative();
  }
  return negative;
}

// Sums that wrap are what they are in the end: of each run all of its results were counted before.
template <typename Value>
void count_made_values(const JudgedRun& run, StoreCounts& counts) {
  alignas(64) Value results[kBlockElements];
  uint8_t marks[kBlockElements];
  StoreCounts ignored, as_operands, as_made;
  for (uint64_t at = 0, n = 0; at < run.count; at += n) {
    n = std::min<uint64_t>(kBlockElements, run.count - at);
    const uint64_t first = run.first + at;
    run_program(run.kernels, run.program, run.operands.data(), first, n, results, run.program.compute, ignored,
                run.places);
    if (std::all_of(results, results + n, [](Value result) { return std::isfinite(result); })) continue;
    for (const bool made : {false, true}) {
      ResultOrigins origins(run.kernels, {.compute = run.program.compute, .results = results, .dtype = run.dtype},
                            {marks, n});
      for (const Instruction& i : run.program.code)
        if (i.op == Op::load) origins.take(run.operands[i.operand], first, made && run.are_made[i.operand] != 0);
      origins.count(made ? as_made : as_operands);
    }
  }
  counts.created += as_made.created - as_operands.created;
  counts.lost_inf += as_made.lost_inf - as_operands.lost_inf;
}

}  // namespace

bool is_all_zero(const Plan& plan, const StepReport& step_report, uint32_t step) {
  const auto counts = step_report.losses.find(step);
  const auto zeros = step_report.zeros.find(step);
  return counts != step_report.losses.end() && counts->second.vanished > 0 && zeros != step_report.zeros.end() &&
         zeros->second == element_count(plan.steps[step]);
}

void count_made_values(const JudgedRun& run, StoreCounts& counts) {
  if (run.program.compute == Dtype::F64)
    count_made_values<double>(run, counts);
  else
    count_made_values<float>(run, counts);
}

void check_values(const Plan& plan, std::span<const Checkpoint> checkpoints, const StepReport& step_report) {
  if (plan.recipe.nan == NanPolicy::error) check_made(plan, checkpoints, step_report);
  if (plan.recipe.underflow == UnderflowPolicy::error) check_zeros(plan, checkpoints, step_report);
}

uint64_t negative_results(const BlockKernels& kernels, const Program& program, std::span<const Operand> operands,
                          uint64_t count, const std::byte* out, Dtype dtype) {
  const auto row = static_cast<size_t>(dtype);
  if (program.compute == Dtype::F64)
    return negative_results<double>(kernels, program, operands, count, out, dtype, kernels.load64[row]);
  return negative_results<float>(kernels, program, operands, count, out, dtype, kernels.load32[row]);
}

bool is_zero(const std::byte* out, Dtype dtype, uint64_t count) {
  const uint64_t size = element_size(dtype);
  for (uint64_t i = 0; i < count * size; ++i) {
    const bool has_sign = i % size == size - 1;
    if ((out[i] & std::byte{has_sign ? uint8_t{0x7f} : uint8_t{0xff}}) != std::byte{0}) return false;
  }
  return true;
}

}  // namespace ckmerge
