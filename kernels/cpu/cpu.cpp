// SPDX-License-Identifier: Apache-2.0
// Which of the built tables this CPU and its operating system can run. Asked once per process.
#include <cstring>

#include "kernels/algebra.h"
#include "kernels/block_kernels.h"
#include "kernels/matrix.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ckmerge {

// The tables that kernels/CMakeLists.txt builds for this architecture; each is defined in the file of its name.
#if defined(__x86_64__)
namespace avx512 {
extern const BlockKernels kernels;
extern const MatrixKernel matrix_kernel;
extern const AlgebraKernel algebra_kernel;
}  // namespace avx512
namespace avx2 {
extern const BlockKernels kernels;
extern const MatrixKernel matrix_kernel;
extern const AlgebraKernel algebra_kernel;
}  // namespace avx2
#elif defined(__aarch64__)
namespace neon {
extern const BlockKernels kernels;
extern const MatrixKernel matrix_kernel;
extern const AlgebraKernel algebra_kernel;
}  // namespace neon
#endif
namespace baseline {
extern const BlockKernels kernels;
extern const MatrixKernel matrix_kernel;
extern const AlgebraKernel algebra_kernel;
}  // namespace baseline

namespace {

bool always() { return true; }

#if defined(__x86_64__)
// The built-ins also ask whether the operating system saves the wide registers. clang 14 does not know "f16c" by name.
bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}

bool has_avx2() { return __builtin_cpu_supports("avx2") && has_f16c(); }

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

// One row per ISA, best first.
struct Isa {
  const BlockKernels* kernels;
  const MatrixKernel* matrix;
  const AlgebraKernel* algebra;
  bool (*runs_here)();
};
constexpr Isa kIsas[] = {
#if defined(__x86_64__)
    {&avx512::kernels, &avx512::matrix_kernel, &avx512::algebra_kernel, has_avx512},
    {&avx2::kernels, &avx2::matrix_kernel, &avx2::algebra_kernel, has_avx2},
#elif defined(__aarch64__)
    {&neon::kernels, &neon::matrix_kernel, &neon::algebra_kernel, always},
#endif
    {&baseline::kernels, &baseline::matrix_kernel, &baseline::algebra_kernel, always},
};

struct Available {
  const BlockKernels* tables[sizeof(kIsas) / sizeof(kIsas[0])];
  size_t count = 0;

  Available() {
    for (const Isa& isa : kIsas)
      if (isa.runs_here()) tables[count++] = isa.kernels;
  }
};

const Isa& isa_of(const BlockKernels& kernels) {
  const Isa* isa = kIsas;
  while (isa->kernels != &kernels) ++isa;
  return *isa;
}

}  // namespace

KernelList available_kernels() noexcept {
  static const Available available;
  return {available.tables, available.count};
}

const MatrixKernel& matrix_kernel(const BlockKernels& kernels) noexcept { return *isa_of(kernels).matrix; }

const AlgebraKernel& algebra_kernel(const BlockKernels& kernels) noexcept { return *isa_of(kernels).algebra; }

const AlgebraKernel& algebra_kernel() noexcept {
  static const AlgebraKernel& kBest = algebra_kernel(**available_kernels().begin());
  return kBest;
}

const BlockKernels* find_kernels(const char* isa) noexcept {
  for (const BlockKernels* table : available_kernels())
    if (std::strcmp(table->isa, isa) == 0) return table;
  return nullptr;
}

}  // namespace ckmerge
