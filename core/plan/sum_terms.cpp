// SPDX-License-Identifier: Apache-2.0
#include "core/plan/sum_terms.h"

#include <algorithm>

#include "core/plan/step_rows.h"
#include "io/file/output_file.h"

namespace ckmerge {
namespace {

// Operands that are mapped together: windows of so many share the budget, and beyond it tiles would shrink.
constexpr size_t kMostTogether = 8;

using Terms = std::vector<SumTerm>;

bool is_operand(const Terms& terms) { return terms.size() == 1 && terms[0].coefficient == 1; }

Terms scaled(Terms terms, double k) {
  terms[0].coefficient = k;
  return terms;
}

// `many` + `one`, or `one` + `many`, which is the same.
std::optional<Terms> added(Terms many, Terms one) {
  if (one.size() != 1) std::swap(many, one);
  if (one.size() != 1) return std::nullopt;
  many.push_back(one[0]);
  return many;
}

std::optional<Terms> result_of(const Instruction& i, const std::vector<Terms>& registers) {
  const Terms &a = registers[i.a], &b = registers[i.b];
  switch (i.op) {
    case Op::load: return Terms{{i.operand, 1}};
    case Op::scale: return is_operand(a) ? std::optional(scaled(a, i.k0)) : std::nullopt;
    case Op::add: return added(a, b);
    case Op::mix:
    case Op::agree_or_mix:
      return is_operand(a) && is_operand(b) ? added(scaled(a, i.k0), scaled(b, i.k1)) : std::nullopt;
    case Op::add_scaled: return is_operand(b) ? added(a, scaled(b, i.k0)) : std::nullopt;
    case Op::agreed_or: return b;
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<Terms> sum_terms(const Program& program) {
  if (program.has_slots()) return std::nullopt;
  // Of what is kept before more is added (kept()) sums know nothing.
  for (const Instruction& i : program.code)
    if (i.op >= Op::agreed_or && &i != &program.code.back()) return std::nullopt;
  std::vector<Terms> registers(program.registers());
  for (const Instruction& i : program.code) {
    if (i.op == Op::agree) continue;  // read by Op::agreed_or alone
    std::optional<Terms> terms = result_of(i, registers);
    if (!terms || terms->empty()) return std::nullopt;
    registers[i.dst] = std::move(*terms);
  }
  return registers[program.result];
}

std::optional<Terms> sum_in_order(const Plan& plan, const Step& step) {
  std::optional<Terms> terms = sum_terms(plan.programs[step.program]);
  if (!terms) return std::nullopt;
  const auto checkpoint = [&](const SumTerm& term) { return plan.source(step, term.operand).checkpoint; };
  if (terms->size() > 1 && checkpoint((*terms)[0]) > checkpoint((*terms)[1])) std::swap((*terms)[0], (*terms)[1]);
  return std::ranges::is_sorted(*terms, {}, checkpoint) ? terms : std::nullopt;
}

bool can_accumulate(const Plan& plan) {
  const auto many = [](const Step& step) { return step.source_count > kMostTogether; };
  if (std::ranges::none_of(plan.steps, many) || !plan.expansions.empty()) return false;
  // Energy is measured of all operands together.
  if (std::ranges::any_of(plan.steps, [&](const Step& step) { return measures_energy(plan, step); })) return false;
  std::vector<std::optional<Terms>> orders(plan.programs.size());  // of the operands, per program
  for (const Step& step : plan.steps) {
    if (!computes(plan, step)) continue;
    std::optional<Terms>& known = orders[step.program];
    if (!known && !(known = sum_in_order(plan, step))) return false;
    // Steps of one program read the same checkpoints, save those of a single source (conversions).
    if (known->size() != step.source_count) return false;
    for (size_t t = 1; t < known->size(); ++t)
      if (plan.source(step, (*known)[t - 1].operand).checkpoint >= plan.source(step, (*known)[t].operand).checkpoint)
        return false;
  }
  return true;
}

uint64_t Accumulation::sums_size(const Plan& plan, uint64_t tile_size) {
  constexpr uint64_t kUnit = OutputFile::kAlignment;
  uint64_t ratio = 0;
  for (const Step& step : plan.steps) {
    if (!computes(plan, step)) continue;
    const Program& program = plan.programs[step.program];
    ratio = std::max(ratio, arrays_of(program) * element_size(program.compute) / element_size(step.dtype));
  }
  return (tile_size * ratio + kMostParts * kAlignment + kUnit - 1) / kUnit * kUnit;
}

}  // namespace ckmerge
