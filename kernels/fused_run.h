// SPDX-License-Identifier: Apache-2.0
// The two commonest programs as one loop each, from memory to memory (kernels/cpu/fused.inl).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "kernels/block_kernels.h"
#include "kernels/program.h"

namespace ckmerge {

// A program that is one operation over loaded operands, all of the dtype in which the result is stored, done from
// memory to memory.
class FusedRun {
 public:
  FusedRun(const BlockKernels& kernels, const Program& program, const Operand* operands, Dtype out_dtype) {
    if (program.compute != Dtype::F32 || program.code.size() < 2 || program.code.size() > kMostInstructions) return;
    const Instruction& last = program.code.back();
    const bool mix = last.op == Op::agree_or_mix;
    if (!mix && last.op != Op::agree_or_add_scaled_difference) return;
    const auto loads = std::span(program.code).first(program.code.size() - 1);
    for (const Instruction& load : loads) {
      if (load.op != Op::load || operands[load.operand].dtype != out_dtype || load.dst >= kMostInstructions) return;
      loaded_[load.dst] = &operands[load.operand];
    }
    if (std::max({last.a, last.b, last.c}) >= kMostInstructions) return;
    x_ = loaded_[last.a], y_ = loaded_[last.b], z_ = mix ? x_ : loaded_[last.c];
    size_ = element_size(out_dtype), k0_ = static_cast<float>(last.k0), k1_ = static_cast<float>(last.k1);
    loop_ = (mix ? kernels.fused_mix : kernels.fused_move)[static_cast<size_t>(out_dtype)];
  }

  // False where elements [first, first + n) must be done by the instructions.
  bool store(uint64_t first, size_t n, void* out) const {
    if (!loop_ || first + n > std::min({x_->inner, y_->inner, z_->inner})) return false;
    return loop_(at(*x_, first), at(*y_, first), at(*z_, first), out, k0_, k1_, n);
  }

 private:
  const unsigned char* at(const Operand& operand, uint64_t first) const {
    return static_cast<const unsigned char*>(operand.data) + first * size_;
  }

  static constexpr size_t kMostInstructions = 4;  // three loads and the operation

  FusedLoop loop_ = nullptr;
  const Operand* loaded_[kMostInstructions] = {};
  const Operand *x_ = nullptr, *y_ = nullptr, *z_ = nullptr;
  size_t size_ = 0;
  float k0_ = 0, k1_ = 0;
};

}  // namespace ckmerge
