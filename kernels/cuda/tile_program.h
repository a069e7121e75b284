// SPDX-License-Identifier: Apache-2.0
// From a tile program to what a device understands: the shape it has, the kernel that runs it, its instructions.
#pragma once

#include <span>
#include <vector>

#include "kernels/cuda/tile_job.h"
#include "kernels/program.h"

namespace ckmerge::cuda {

/// A program made ready for a device; its slots are filled (fill_slots()).
struct TileProgram {
  Dtype compute = Dtype::F32;
  Shape shape = Shape::interpreted;
  uint8_t result = 0;
  bool keeps_equal = false;  ///< Program::keeps_equal
  double k0 = 0, k1 = 0;
  std::vector<uint16_t> operands = {};    ///< of a fused shape: the program's operand for x, y and z
  std::vector<JobInstruction> code = {};  ///< of an interpreted one
};
TileProgram tile_program(const Program& program);

/// The kernel for a program with operands of these dtypes, those of a fused shape in its order.
Kernel kernel_for(const TileProgram& program, std::span<const JobOperand> operands, Dtype out);

/// Blocks that a part needs.
inline uint32_t blocks_of(Kernel kernel, uint64_t count, uint32_t shift) {
  const uint64_t elements = shape_of(kernel).elements_per_block();
  return static_cast<uint32_t>((count + shift + elements - 1) / elements);
}

}  // namespace ckmerge::cuda
