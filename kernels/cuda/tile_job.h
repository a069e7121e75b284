// SPDX-License-Identifier: Apache-2.0
// What a device is told about one tile: the parts to compute, their operands and their programs, as plain tables that
// travel to the device in one copy together with the operands. Everything is an offset into the two buffers of a slot,
// so the tables mean the same on both sides of the bus. Plain C types only: device code includes this header.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/block_kernels.h"
#include "kernels/dtype.h"

namespace ckmerge::cuda {

/// An operand as Operand in kernels/program.h has it, by offset instead of address. The offset of element 0 may lie
/// before the buffer where a view begins inside a row.
struct JobOperand {
  int64_t offset = 0;  ///< bytes from the input buffer's start
  uint64_t inner = UINT64_MAX, stride = 0;
  Dtype dtype = Dtype::F32;
};

/// Registers that a device's interpreter has: columns of shared memory, of which a multiprocessor has no more. Programs
/// with more are the CPU's.
inline constexpr int kRegisters = 8;

/// One instruction, its constants already those of the tensor.
struct JobInstruction {
  double k0 = 0, k1 = 0;
  uint16_t operand = 0;
  Op op = Op::zero;
  uint8_t dst = 0, a = 0, b = 0, c = 0;
};

/// Programs that are one expression over operands 0, 1, 2 have loops of their own; all others are interpreted.
enum class Shape : uint8_t { convert, mix, add_scaled_difference, interpreted };

/// Elements [0, count) of a part of a step.
struct JobPart {
  uint64_t count = 0;
  uint64_t out = 0;            ///< bytes from the output buffer's start
  uint64_t first = 0;          ///< element of the operands that is the part's element 0
  uint64_t place = 0;          ///< where the operands' element 0 stands in its tensor
  double k0 = 0, k1 = 0;       ///< of a shape that is not interpreted
  uint32_t first_block = 0;    ///< of the launch
  uint32_t first_operand = 0;  ///< index into the job's operands
  uint32_t first_instruction = 0, instruction_count = 0;
  Dtype dtype = Dtype::F32;  ///< of the output
  Shape shape = Shape::interpreted;
  uint8_t result = 0;        ///< register
  bool keeps_equal = false;  ///< Program::keeps_equal
  /// Elements by which vectors begin before element 0: with operands and output placed accordingly, all but the first
  /// and the last vector of a part are aligned. Below kVector.
  uint8_t shift = 0;
};

/// The products of elements [first, first + count) of two operands, added to sixteen lanes.
struct JobSum {
  uint32_t x = 0, y = 0;  ///< indices into the job's operands
  uint64_t first = 0, count = 0;
  uint64_t index = 0;  ///< lane of the first product, modulo kLanes
  uint64_t lanes = 0;  ///< bytes from the input buffer's start to the lanes, which are read and written there
};

/// Which of the device's kernels runs. Fused ones take the three expressions, with operands and output of one dtype
/// (what checkpoints are made of) or, mixed, of any.
enum class Kernel : uint8_t { fused_bf16, fused_f16, fused_f32, mixed32, interpret32, interpret64, sum32, sum64 };
inline constexpr size_t kKernelCount = 8;

/// Threads of a block, elements a thread takes at a time (up to 16 bytes of the dtypes that matter), and vectors of a
/// block: enough work that finding the part costs little, and enough blocks for a tile of 2 MiB.
struct KernelShape {
  uint32_t threads;
  uint32_t vector;
  uint32_t vectors_per_block;
  uint32_t elements_per_block() const { return vector * vectors_per_block; }
};
inline constexpr KernelShape kKernelShapes[kKernelCount] = {{256, 8, 1024}, {256, 8, 1024}, {256, 4, 2048},
                                                            {256, 8, 1024}, {128, 8, 512},  {128, 4, 512},
                                                            {32, 1, 0},     {32, 1, 0}};
constexpr const KernelShape& shape_of(Kernel kernel) { return kKernelShapes[static_cast<size_t>(kernel)]; }

/// Sums of products that one block works on: sixteen threads each, one for each lane. Two, because a tile has some
/// hundred sums at most, and most cards compute f64 so slowly that all multiprocessors should have a part in it.
inline constexpr uint32_t kSumsPerBlock = shape_of(Kernel::sum32).threads / kLanes;

/// One kernel launch over some of a job's parts, or of its sums. Offsets are in the input buffer.
struct Launch {
  unsigned char* in = nullptr;   ///< device address of the input buffer; counts and lanes in it are written
  unsigned char* out = nullptr;  ///< device address of the output buffer
  uint64_t parts = 0;            ///< offset of the first JobPart (JobSum)
  uint64_t operands = 0;         ///< offset of the job's first JobOperand
  uint64_t instructions = 0;     ///< offset of its first JobInstruction
  uint64_t counts = 0;           ///< offset of the StoreCounts of the first part
  uint32_t part_count = 0;
  uint32_t blocks = 0;
  Kernel kernel = Kernel::mixed32;
};

}  // namespace ckmerge::cuda
