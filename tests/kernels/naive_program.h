// SPDX-License-Identifier: Apache-2.0
// Tile programs run the naive way: one element at a time, one volatile operation at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/program.h"

namespace ckmerge {

/// What run_program must write, and count.
std::vector<unsigned char> run_naively(const Program& program, const std::vector<Operand>& operands, uint64_t first,
                                       uint64_t count, Dtype out_dtype, StoreCounts& counts);

/// What run_program writes with `kernels`, at `offset` from a cache line; empty if it also wrote beside that.
std::vector<unsigned char> run_with(const BlockKernels& kernels, const Program& program,
                                    const std::vector<Operand>& operands, uint64_t first, uint64_t count,
                                    Dtype out_dtype, StoreCounts& counts, size_t offset = 0);

inline bool equal(const StoreCounts& x, const StoreCounts& y) {
  return x.saturated == y.saturated && x.overflowed == y.overflowed && x.lost_inf == y.lost_inf;
}

}  // namespace ckmerge
