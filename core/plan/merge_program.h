// SPDX-License-Identifier: Apache-2.0
// From a method's formula to the few programs that a plan shares among its tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/formula.h"
#include "kernels/method.h"
#include "kernels/program.h"

namespace ckmerge {

/// What a formula comes down to for one set of operand dtypes.
struct MergeProgram {
  std::vector<uint32_t> operands;   ///< checkpoints that are read; program operand i is the i-th of them
  std::optional<uint16_t> program;  ///< empty: nothing is computed, the only operand is the result
};

class MergePrograms {
 public:
  /// REQUIRES: coefficients as resolve_coefficients() returns them. Throws Error(usage) where the formula of so many
  /// inputs needs more registers than a program has.
  MergePrograms(const Method& method, size_t inputs, std::span<const double> coefficients);

  /// The program for a tensor that checkpoint k stores as dtypes[k]. A checkpoint whose term vanished does not count:
  /// neither its values nor its dtype matter. With statistics (Program::has_slots) operand k is checkpoint k.
  const MergeProgram& for_dtypes(std::span<const Dtype> dtypes) const { return of(dtypes).whole; }

  /// The same for elements where every checkpoint but the first counts as zero.
  const MergeProgram& tail_for_dtypes(std::span<const Dtype> dtypes) const { return of(dtypes).tail; }

  /// The program that converts one operand of `dtype`: load and store.
  uint16_t conversion(Dtype dtype);

  std::vector<Program> take() { return std::move(programs_); }

 private:
  struct Pair {
    MergeProgram whole, tail;
  };
  const Pair& of(std::span<const Dtype> dtypes) const;
  Pair trace_pair(const Method& method, size_t inputs, std::span<const double> coefficients, Dtype compute);
  MergeProgram trace(const Method& method, const Tracing& tracing);
  uint16_t add(Program program);

  std::vector<Program> programs_;
  Pair in_f32_, in_f64_;
};

}  // namespace ckmerge
