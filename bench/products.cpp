// SPDX-License-Identifier: Apache-2.0
// One thread of add_product (kernels/matrix.h), by which an adapter's factors become rows of a weight: per ISA and
// rank, on rows of some layers, with the most that the core can do of additions and multiplications that are not fused.
//   ckmerge-bench-products --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true
//                          --benchmark_report_aggregates_only=true
// GFLOP/s counts a product and a sum as two.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/block_kernels.h"
#include "kernels/matrix.h"

namespace {

using namespace ckmerge;

void count_operations(benchmark::State& state, double operations) {
  state.counters["GFLOP/s"] =
      benchmark::Counter(operations * static_cast<double>(state.iterations()) / 1e9, benchmark::Counter::kIsRate);
}

// As many chains of sums and of products as hide the latency of four cycles of both, two of each beginning in a cycle;
// what they are made of is never known to the compiler.
#if defined(__x86_64__)
typedef float Four __attribute__((vector_size(16)));
typedef float Eight __attribute__((vector_size(32)));

template <typename Lanes>
__attribute__((target("avx2"))) void peak(benchmark::State& state) {
  constexpr int kRounds = 1000;
  Lanes a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, p{}, q{}, r{}, s{}, step = Lanes{} + 1.0F;
  for (auto _ : state) {
    asm volatile("" : "+x"(step));
    for (int round = 0; round < kRounds; ++round) {
      a += step, b += step, c += step, d += step, e += step, f += step;
      g *= step, h *= step, p *= step, q *= step, r *= step, s *= step;
      asm volatile("" : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f));
      asm volatile("" : "+x"(g), "+x"(h), "+x"(p), "+x"(q), "+x"(r), "+x"(s));
    }
  }
  count_operations(state, 12.0 * kRounds * (sizeof(Lanes) / sizeof(float)));
}
#endif

void product(benchmark::State& state, const BlockKernels* kernels, size_t depth, size_t columns) {
  // What a tile asks for: rows that come to some hundred KiB.
  const size_t rows = std::max<size_t>(12, (128 << 10) / (columns * sizeof(float)));
  std::vector<float> left(rows * depth, 0.5F), panels(panels_size(depth, columns), 0.25F), out(rows * columns);
  for (auto _ : state) {
    matrix_kernel(*kernels).add_product(left.data(), rows, depth, panels.data(), columns, 1e-9F, out.data());
    benchmark::ClobberMemory();
  }
  count_operations(state, 2.0 * static_cast<double>(rows * columns) * static_cast<double>(depth + 1));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
#if defined(__x86_64__)
  if (find_kernels("avx2")) {
    benchmark::RegisterBenchmark("peak/baseline", peak<Four>);
    benchmark::RegisterBenchmark("peak/avx2", peak<Eight>);
  }
#endif
  for (const BlockKernels* kernels : available_kernels())
    for (const size_t depth : {4, 16, 32, 64, 128})
      for (const size_t columns : {640, 1280, 4096, 11520})
        benchmark::RegisterBenchmark(
            ("product/" + std::to_string(depth) + "/" + std::to_string(columns) + "/" + kernels->isa).c_str(), product,
            kernels, depth, columns);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
