// SPDX-License-Identifier: Apache-2.0
#include "kernels/choice.h"

#include <array>
#include <bitset>

namespace ckmerge {

bool is_choice(const Program& program) {
  if (program.code.empty() || program.code.back().op != Op::select || program.code.back().dst != program.result)
    return false;
  if (program.registers() > kStackRegisters) return false;
  std::bitset<kStackRegisters> placed;  // what holds a place and no value
  for (const Instruction& i : program.code) {
    const bool chooses = i.op == Op::select && placed[i.a] && !placed[i.b] && !placed[i.c];
    if (i.op != Op::load && !is_place(i.op) && !chooses) return false;
    placed[i.dst] = is_place(i.op);
  }
  return true;
}

std::optional<uint16_t> chosen_operand(const Program& program, uint64_t place, size_t n) {
  std::array<uint16_t, kStackRegisters> taken = {};
  std::bitset<kStackRegisters> before;
  for (const Instruction& i : program.code) {
    switch (i.op) {
      case Op::load: taken[i.dst] = i.operand; break;
      case Op::select: taken[i.dst] = taken[before[i.a] ? i.b : i.c]; break;
      case Op::before: {
        const auto period = static_cast<uint64_t>(i.k0), bound = static_cast<uint64_t>(i.k1), at = place % period;
        before[i.dst] = at < bound;
        if ((at < bound ? bound : period) - at < n) return std::nullopt;
        break;
      }
      default: return std::nullopt;
    }
  }
  return taken[program.result];
}

}  // namespace ckmerge
