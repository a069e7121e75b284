// SPDX-License-Identifier: Apache-2.0
// The device's kernels compiled for the host: one thread of the device after another.
#include <vector>

#include "tests/cuda/stand_in.h"

#define CKMERGE_INLINE inline
#define CKMERGE_COLD inline

namespace ckmerge::cuda {
namespace {

// Relaxed, as atomicAdd is: launches of several streams may add to one counter.
inline void add_to(uint64_t* counter, uint64_t n) { __atomic_fetch_add(counter, n, __ATOMIC_RELAXED); }

#include "kernels/cuda/tile_threads.inl"
// After it, because they need it.
#include "kernels/cuda/fused.inl"
#include "kernels/cuda/sums.inl"

template <typename Run>
void for_each_thread(const Launch& launch, const Run& run) {
  for (uint32_t block = 0; block < launch.blocks; ++block)
    for (uint32_t thread = 0; thread < shape_of(launch.kernel).threads; ++thread) run(launch, block, thread);
}

template <Kernel kKernel, typename T>
void interpret(const Launch& launch) {
  std::vector<T> registers(kRegisters * shape_of(kKernel).vector);
  for_each_thread(launch, [&](const Launch&, uint32_t block, uint32_t thread) {
    run_part<InterpretedProgram<kKernel, T, 1>>(launch, part_of_block(launch, block), block, thread, registers.data());
  });
}

template <typename T>
void sum(const Launch& launch) {
  for_each_thread(launch, [&](const Launch&, uint32_t block, uint32_t thread) {
    const uint32_t index = block * kSumsPerBlock + thread / kLanes;
    if (index < launch.part_count) run_sum<T>(launch, index, thread % kLanes);
  });
}

void run(const Launch& launch) {
  switch (launch.kernel) {
    case Kernel::fused_bf16: for_each_thread(launch, run_alike<Bfloat, Kernel::fused_bf16>); break;
    case Kernel::fused_f16: for_each_thread(launch, run_alike<Half, Kernel::fused_f16>); break;
    case Kernel::fused_f32: for_each_thread(launch, run_alike<Single, Kernel::fused_f32>); break;
    case Kernel::mixed32: for_each_thread(launch, run_mixed); break;
    case Kernel::interpret32: interpret<Kernel::interpret32, float>(launch); break;
    case Kernel::interpret64: interpret<Kernel::interpret64, double>(launch); break;
    case Kernel::sum32: sum<float>(launch); break;
    case Kernel::sum64: sum<double>(launch); break;
  }
}

}  // namespace
}  // namespace ckmerge::cuda

namespace ckmerge::test {

void run_on_host(const cuda::Launch& launch) { cuda::run(launch); }

}  // namespace ckmerge::test
