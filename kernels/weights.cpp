// SPDX-License-Identifier: Apache-2.0
// What programs make of equal operands, and the coefficients of a tensor, on which that hangs.
#include <algorithm>
#include <vector>

#include "kernels/program.h"

namespace ckmerge {
namespace {

// Of two values that are the same where all operands are.
Weights weights_of_either(Weights x, Weights y) {
  const Weights difference = x + -1.0 * y;
  if (!difference.add_up_to_zero()) return Weights::unknown();
  return {x.sum, std::max(x.magnitude, y.magnitude)};
}

Weights weights_of(const Instruction& i, const std::vector<Weights>& r) {
  switch (i.op) {
    case Op::load: return {1, 1};
    case Op::zero: return {};
    case Op::scale: return i.k0 * r[i.a];
    case Op::add: return r[i.a] + r[i.b];
    case Op::subtract: return r[i.a] + -1.0 * r[i.b];
    case Op::mix:
    case Op::agree_or_mix: return i.k0 * r[i.a] + i.k1 * r[i.b];
    case Op::add_scaled: return r[i.a] + i.k0 * r[i.b];
    case Op::add_scaled_difference:
    case Op::agree_or_add_scaled_difference: return r[i.a] + i.k0 * (r[i.b] + -1.0 * r[i.c]);
    case Op::agree: return r[i.a];
    case Op::agreed_or: return r[i.b];
    default: return ckmerge::weights_of(i.op, r[i.a], r[i.b], r[i.c]);
  }
}

// Of what `keeper` leaves.
Weights weights_at(const Program& program, const Instruction& keeper) {
  std::vector<Weights> registers(program.registers());
  for (const Instruction& i : program.code) {
    registers[i.dst] = weights_of(i, registers);
    if (&i == &keeper) break;
  }
  return registers[keeper.dst];
}

// What it does where operands differ. Its result may be read by others (kept()).
void stop_keeping(Program& program, Instruction& keeper) {
  if (keeper.op == Op::agree_or_mix) keeper.op = Op::mix;
  if (keeper.op == Op::agree_or_add_scaled_difference) keeper.op = Op::add_scaled_difference;
  if (keeper.op != Op::agreed_or) return;
  if (&keeper == &program.code.back()) {
    program.result = keeper.b;
    program.code.pop_back();
  } else {
    keeper = {.op = Op::scale, .dst = keeper.dst, .a = keeper.b, .k0 = 1};
  }
  std::erase_if(program.code, [](const Instruction& i) { return i.op == Op::agree; });
}

}  // namespace

void fill_slots(Program& program, std::span<const double> coefficients) {
  if (!program.has_slots()) return;
  for (Instruction& i : program.code) {
    if (i.slot0 != Instruction::kNoSlot) i.k0 = coefficients[i.slot0];
    if (i.slot1 != Instruction::kNoSlot) i.k1 = coefficients[i.slot1];
  }
  if (program.always_keeps) return;
  const auto keeper = std::ranges::find_if(program.code, [](const Instruction& i) { return i.op >= Op::agreed_or; });
  if (keeper != program.code.end() && !weights_at(program, *keeper).add_up_to_one()) stop_keeping(program, *keeper);
}

Weights weights_of(Op op, Weights x, Weights y, Weights z) {
  switch (op) {
    case Op::multiply:
      if (y.add_up_to_zero()) return {0, y.magnitude};
      [[fallthrough]];
    case Op::absolute:
    case Op::square_root:
    case Op::copy_sign: return x.add_up_to_zero() ? Weights{0, x.magnitude} : Weights::unknown();
    case Op::minimum:
    case Op::maximum: return weights_of_either(x, y);
    case Op::select: return weights_of_either(y, z);
    default: return Weights::unknown();
  }
}

}  // namespace ckmerge
