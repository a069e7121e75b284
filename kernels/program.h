// SPDX-License-Identifier: Apache-2.0
// The tile program: what is done to every block of elements of a tensor. A program loads operands into registers
// (blocks of kBlockElements values that stay in L1), applies block operations and leaves its result in one register,
// which is stored with one rounding. It knows no dtype: loads and stores choose theirs at run time, so a program is
// shared by all tensors that are merged alike, whatever they are stored as, and runs on any backend.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block_kernels.h"
#include "kernels/dtype.h"

namespace ckmerge {

/// One instruction. Fields that an operation does not use are 0 (see Op in block_kernels.h for which does what).
struct Instruction {
  Op op = Op::zero;
  uint8_t dst = 0;              ///< register written; may be one of a, b, c
  uint8_t a = 0, b = 0, c = 0;  ///< registers read
  uint16_t operand = 0;         ///< Op::load: index into the step's operands
  double k0 = 0, k1 = 0;        ///< constants, rounded once to the compute dtype when the program runs

  friend bool operator==(const Instruction&, const Instruction&) = default;
};

struct Program {
  Dtype compute = Dtype::F32;  ///< F32, or F64 where an operand is F64
  uint8_t result = 0;          ///< register that holds the result
  std::vector<Instruction> code = {};

  friend bool operator==(const Program&, const Program&) = default;
};

/// Registers a program may use: 8 blocks of f32 are 16 KiB, half of the smallest L1 in use.
inline constexpr int kMaxRegisters = 8;

/// An operand as the executor sees it. Element i lies at data + (i / inner) * stride + (i % inner) *
/// element_size(dtype); a contiguous tensor has inner = UINT64_MAX. Rows of a wider tensor (channel expansion, fused
/// qkv) have inner < count.
struct Operand {
  const void* data = nullptr;   ///< element 0 of the view; any alignment
  Dtype dtype = Dtype::F32;     ///< REQUIRES: real
  uint64_t inner = UINT64_MAX;  ///< elements per contiguous run
  uint64_t stride = 0;          ///< bytes from one run's start to the next
};

/// Runs `program` for elements [first, first + count) of the step and writes them to `out` (any alignment) as
/// `out_dtype`. Allocates nothing; the registers are on the stack. The bytes are the same for every `kernels`.
void run_program(const BlockKernels& kernels, const Program& program, const Operand* operands, uint64_t first,
                 uint64_t count, void* out, Dtype out_dtype, StoreCounts& counts) noexcept;

}  // namespace ckmerge
