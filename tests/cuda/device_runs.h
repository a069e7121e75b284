// SPDX-License-Identifier: Apache-2.0
// Tile programs and sums of products on every device backend that is here: the kernels compiled for the host always,
// CUDA's where this program has it and there is a card.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cuda/runtime.h"
#include "kernels/program.h"
#include "kernels/reductions.h"

namespace ckmerge::test {

struct DeviceUnderTest {
  const char* name;
  const cuda::Runtime* runtime;  ///< null: the host's
};
const std::vector<DeviceUnderTest>& devices_under_test();

/// What the device writes for elements [first, first + count), `offset` bytes from a cache line, with vectors that
/// begin `shift` elements before the first; empty if it also wrote beside that.
std::vector<unsigned char> run_on(const DeviceUnderTest& device, const Program& program,
                                  const std::vector<Operand>& operands, uint64_t first, uint64_t count, Dtype out_dtype,
                                  StoreCounts& counts, size_t offset = 0, size_t shift = 0);

/// add_products() there.
void add_products_on(const DeviceUnderTest& device, Dtype compute, const Operand& x, const Operand& y, uint64_t first,
                     uint64_t count, uint64_t index, LaneSums& sums);

}  // namespace ckmerge::test
