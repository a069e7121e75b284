// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/tile_program.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

namespace ckmerge::cuda {
namespace {

// A fused program is one load for each operand, followed by one operation.
struct Fused {
  Op op;
  Shape shape;
  size_t operands;
};
constexpr Fused kFused[] = {{Op::mix, Shape::mix, 2},
                            {Op::agree_or_mix, Shape::mix, 2},
                            {Op::add_scaled_difference, Shape::add_scaled_difference, 3},
                            {Op::agree_or_add_scaled_difference, Shape::add_scaled_difference, 3}};

// The operand that the loads put into register r; empty unless exactly one of them does.
std::optional<uint16_t> loaded_into(std::span<const Instruction> loads, uint16_t r) {
  std::optional<uint16_t> operand;
  for (const Instruction& i : loads) {
    if (i.dst != r) continue;
    if (operand) return {};
    operand = i.operand;
  }
  return operand;
}

// A fused shape loads what the program loads and nothing else, because NaN and Inf are told apart by where they come
// from (StoreCounts::created).
bool fuse(const Program& program, TileProgram& into) {
  if (program.compute != Dtype::F32 || program.code.empty()) return false;
  const Instruction& last = program.code.back();
  const std::span<const Instruction> loads(program.code.data(), program.code.size() - 1);
  if (last.dst != program.result || std::ranges::any_of(loads, [](const Instruction& i) { return i.op != Op::load; }))
    return false;
  if (last.op == Op::load && loads.empty()) {
    into.shape = Shape::convert;
    into.operands = {last.operand};
    return true;
  }
  const auto* fused = std::ranges::find(kFused, last.op, &Fused::op);
  if (fused == std::end(kFused) || loads.size() != fused->operands) return false;
  const std::array<uint16_t, 3> registers = {last.a, last.b, last.c};
  const auto used = std::span(registers).first(fused->operands);
  for (const uint16_t r : used) {
    const std::optional<uint16_t> operand = loaded_into(loads, r);
    if (!operand) return false;
    into.operands.push_back(*operand);
  }
  if (std::ranges::any_of(loads, [&](const Instruction& i) { return std::ranges::count(used, i.dst) != 1; }))
    return false;
  into.shape = fused->shape;
  into.k0 = last.k0;
  into.k1 = last.k1;
  return true;
}

// Of shared memory. Programs with more registers are not sent.
uint8_t column(uint16_t r) { return static_cast<uint8_t>(r); }

}  // namespace

TileProgram tile_program(const Program& program) {
  TileProgram result{
      .compute = program.compute, .result = column(program.result), .keeps_equal = program.keeps_equal()};
  if (fuse(program, result)) return result;
  result.operands.clear();
  for (const Instruction& i : program.code)
    result.code.push_back({.k0 = i.k0,
                           .k1 = i.k1,
                           .operand = i.operand,
                           .op = i.op,
                           .dst = column(i.dst),
                           .a = column(i.a),
                           .b = column(i.b),
                           .c = column(i.c)});
  return result;
}

Kernel kernel_for(const TileProgram& program, std::span<const JobOperand> operands, Dtype out) {
  if (program.shape == Shape::interpreted)
    return program.compute == Dtype::F64 ? Kernel::interpret64 : Kernel::interpret32;
  if (!std::ranges::all_of(operands, [out](const JobOperand& o) { return o.dtype == out && o.inner == UINT64_MAX; }))
    return Kernel::mixed32;
  switch (out) {
    case Dtype::BF16: return Kernel::fused_bf16;
    case Dtype::F16: return Kernel::fused_f16;
    case Dtype::F32: return Kernel::fused_f32;
    default: return Kernel::mixed32;
  }
}

}  // namespace ckmerge::cuda
