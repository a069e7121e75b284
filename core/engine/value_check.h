// SPDX-License-Identifier: Apache-2.0
// Values that spoil a model without a word: NaN or Inf that no input has, which render black images, variances below
// zero, whose square root is NaN, and tensors of which storing left only zeros.
#pragma once

#include <span>

#include "core/plan/plan.h"
#include "core/plan/step_report.h"

namespace ckmerge {

/// Whether all that is left of a step is zeros, and storing made at least one of them.
bool is_all_zero(const Plan& plan, const StepReport& step_report, uint32_t step);

/// Throws Error(mismatch) with a line per tensor where the merge made such values and the recipe does not allow them.
void check_values(const Plan& plan, std::span<const Checkpoint> checkpoints, const StepReport& step_report);

/// What run_program() was given. Of each operand whether the merge made it of finite inputs, and beyond their range.
struct JudgedRun {
  const BlockKernels& kernels;
  const Program& program;
  std::span<const Operand> operands;
  std::span<const uint8_t> are_made;
  uint64_t first, count;
  Dtype dtype;  ///< of what was stored
  Places places;
};

/// Puts right what `counts` says of results that are NaN or Inf because such an operand is: the merge made them, and
/// what other operands hold stays theirs. Computes them once more, so for such runs only.
void count_made_values(const JudgedRun& run, StoreCounts& counts);

/// How many of `count` results of `program`, stored at `out` as `dtype`, are below zero where no operand is.
uint64_t negative_results(const BlockKernels& kernels, const Program& program, std::span<const Operand> operands,
                          uint64_t count, const std::byte* out, Dtype dtype);

/// Whether `count` elements at `out` are all zero, of either sign.
bool is_zero(const std::byte* out, Dtype dtype, uint64_t count);

}  // namespace ckmerge
