// SPDX-License-Identifier: Apache-2.0
// Tile programs and sums of products the naive way: one element at a time, one volatile operation at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/program.h"
#include "kernels/reductions.h"
#include "tests/kernels/oracle.h"

namespace ckmerge {

/// What run_program must write, and count.
std::vector<unsigned char> run_naively(const Program& program, const std::vector<Operand>& operands, uint64_t first,
                                       uint64_t count, Dtype out_dtype, StoreCounts& counts);

/// What run_program writes with `kernels`, at `offset` from a cache line; empty if it also wrote beside that.
std::vector<unsigned char> run_with(const BlockKernels& kernels, const Program& program,
                                    const std::vector<Operand>& operands, uint64_t first, uint64_t count,
                                    Dtype out_dtype, StoreCounts& counts, size_t offset = 0);

/// What add_products must add to the lanes.
void add_products_naively(Dtype compute, const Operand& x, const Operand& y, uint64_t first, uint64_t count,
                          uint64_t index, LaneSums& sums);

/// Whether all lanes have the same bits; any NaN is as good as another.
bool same_lanes(const LaneSums& x, const LaneSums& y);

}  // namespace ckmerge
