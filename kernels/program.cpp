// SPDX-License-Identifier: Apache-2.0
// What a tile program says of itself; kernels/interpreter.cpp runs it.
#include "kernels/program.h"

#include <algorithm>

#include "kernels/choice.h"

namespace ckmerge {

bool Program::has_slots() const {
  return std::ranges::any_of(
      code, [](const Instruction& i) { return i.slot0 != Instruction::kNoSlot || i.slot1 != Instruction::kNoSlot; });
}

bool Program::has_places() const {
  return std::ranges::any_of(code, [](const Instruction& i) { return is_placed(i.op); });
}

bool Program::has_lines() const { return std::ranges::find(code, Op::line, &Instruction::op) != code.end(); }

bool Program::keeps_equal() const {
  if (code.empty() || code.back().dst != result) return false;
  return code.back().op >= Op::agreed_or || is_choice(*this);
}

size_t Program::registers() const {
  size_t count = result + size_t{1};
  for (const Instruction& i : code) count = std::max<size_t>({count, i.dst + 1u, i.a + 1u, i.b + 1u, i.c + 1u});
  return count;
}

std::optional<uint16_t> Program::loaded_operand() const {
  if (code.size() != 1 || code[0].op != Op::load) return std::nullopt;
  return code[0].operand;
}

}  // namespace ckmerge
