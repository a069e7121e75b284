// SPDX-License-Identifier: Apache-2.0
#include "core/plan/merge_program.h"

#include <algorithm>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/formula.h"

namespace ckmerge {

MergePrograms::MergePrograms(const Method& method, size_t inputs, std::span<const double> coefficients)
    : in_f32_(trace_pair(method, inputs, coefficients, Dtype::F32)),
      in_f64_(trace_pair(method, inputs, coefficients, Dtype::F64)) {}

const MergePrograms::Pair& MergePrograms::of(std::span<const Dtype> dtypes) const {
  const bool wide = std::ranges::any_of(in_f64_.whole.operands, [&](uint32_t k) { return dtypes[k] == Dtype::F64; });
  return wide ? in_f64_ : in_f32_;
}

uint16_t MergePrograms::conversion(Dtype dtype) {
  return add({.compute = dtype == Dtype::F64 ? Dtype::F64 : Dtype::F32, .result = 0, .code = {{.op = Op::load}}});
}

MergePrograms::Pair MergePrograms::trace_pair(const Method& method, size_t inputs, std::span<const double> coefficients,
                                              Dtype compute) {
  const bool slots = !method.statistics.empty() && method.needs_statistics(coefficients);
  return {trace(method, Tracing(compute, inputs, coefficients, {.slots = slots})),
          trace(method, Tracing(compute, inputs, coefficients, {.slots = slots, .only_first = true}))};
}

MergeProgram MergePrograms::trace(const Method& method, const Tracing& tracing) {
  const Symbol result = method.trace(tracing);
  if (const auto operand = bare_operand(result)) return {{static_cast<uint32_t>(*operand)}, std::nullopt};
  std::optional<Program> program = compile(result);
  if (!program)
    throw Error(ErrorCode::usage, method.spec->name,
                sentence(method.spec->name, " needs more than the ", kMaxRegisters, " registers there are for ",
                         counted(tracing.inputs(), "checkpoint"), "; give it fewer"));

  // Only what is loaded is opened, populated and read.
  std::vector<uint32_t> used;
  for (Instruction& instruction : program->code) {
    if (instruction.op != Op::load) continue;
    const auto known = std::ranges::find(used, instruction.operand);
    const auto index = static_cast<uint16_t>(known - used.begin());
    if (known == used.end()) used.push_back(instruction.operand);
    instruction.operand = index;
  }
  return {std::move(used), add(*std::move(program))};
}

uint16_t MergePrograms::add(Program program) {
  const auto known = std::ranges::find(programs_, program);
  const auto index = static_cast<uint16_t>(known - programs_.begin());
  if (known == programs_.end()) programs_.push_back(std::move(program));
  return index;
}

}  // namespace ckmerge
