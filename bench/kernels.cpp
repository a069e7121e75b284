// SPDX-License-Identifier: Apache-2.0
// One thread of weighted_sum, of add_products, of counts of magnitudes, of each operation of kernels/elementwise.h and
// of methods that hang on where an element stands per ISA and dtype, in memory and in L2, with a STREAM triad of the
// same memory beside them.
//   ckmerge-bench-kernels --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true
//                         --benchmark_report_aggregates_only=true
// Interleaved medians, because other work on the machine moves every figure. GB/s counts reads and writes (10^9 bytes),
// not the output's lines that a CPU reads before it overwrites them; the triad is counted alike.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/magnitudes.h"
#include "kernels/method.h"
#include "kernels/program.h"
#include "kernels/reductions.h"

namespace {

using namespace ckmerge;

constexpr size_t kInMemory = size_t{192} << 20, kInL2 = size_t{256} << 10;  // bytes per stream

// Three streams, written once before anything is timed: a VM's first touch of a page costs more than the merge.
class Streams {
 public:
  Streams() {
    for (unsigned char*& stream : streams_) {
      stream = static_cast<unsigned char*>(std::aligned_alloc(4096, kInMemory));
      std::memset(stream, 1, kInMemory);
    }
  }
  ~Streams() {
    for (unsigned char* stream : streams_) std::free(stream);
  }
  unsigned char* operator[](size_t k) const { return streams_[k]; }

 private:
  std::array<unsigned char*, 3> streams_;
};

const Streams& streams() {
  static const Streams all;
  return all;
}

// Weights of realistic scale in the two inputs. Random bytes would hold f32 subnormals, which multiply ten times
// slower.
void fill_inputs(Dtype dtype, size_t bytes, float middle = 0) {
  float weights[kBlockElements];
  for (size_t i = 0; i < kBlockElements; ++i)
    weights[i] = (static_cast<float>(i * 7919 % 509) - 254.0f) * 0.0004f + middle;
  const auto store = find_kernels("baseline")->store32[static_cast<size_t>(dtype)];
  const size_t size = kBlockElements * element_size(dtype);
  StoreCounts counts;
  for (size_t k = 0; k < 2; ++k) {
    store(weights + k, streams()[k], kBlockElements - k, &counts);
    for (size_t at = size; at < bytes; at += size) std::memcpy(streams()[k] + at, streams()[k], size);
  }
}

void count_bytes(benchmark::State& state, size_t bytes, int streams = 3) {
  const double total = streams * static_cast<double>(bytes) * static_cast<double>(state.iterations());
  state.counters["GB/s"] = benchmark::Counter(total / 1e9, benchmark::Counter::kIsRate);
}

void triad(benchmark::State& state, size_t bytes) {
  fill_inputs(Dtype::F32, bytes);
  const auto* b = reinterpret_cast<const float*>(streams()[0]);
  const auto* c = reinterpret_cast<const float*>(streams()[1]);
  auto* a = reinterpret_cast<float*>(streams()[2]);
  for (auto _ : state) {
#pragma GCC ivdep
    for (size_t i = 0; i < bytes / sizeof(float); ++i) a[i] = b[i] + 0.3f * c[i];
    benchmark::ClobberMemory();
  }
  count_bytes(state, bytes);
}

Program weighted_sum() {
  Program program;
  program.code = {{.op = Op::load, .dst = 0, .operand = 0},
                  {.op = Op::load, .dst = 1, .operand = 1},
                  {.op = Op::agree_or_mix, .dst = 0, .a = 0, .b = 1, .k0 = 0.7f, .k1 = 0.3f}};
  return program;
}

// An operation of kernels/elementwise.h over as many operands as it reads, of which there are two at most.
Program one_operation(Op op) {
  Program program;
  program.code = {{.op = Op::load, .dst = 0, .operand = 0}};
  if (elementwise_operands(op) > 1) program.code.push_back({.op = Op::load, .dst = 1, .operand = 1});
  program.code.push_back({.op = op, .dst = 0, .a = 0, .b = static_cast<uint8_t>(program.code.size() - 1), .c = 0});
  return program;
}

// A method of two checkpoints whose operations hang on where an element stands.
Program placed(const char* method, const std::vector<double>& coefficients) {
  const Tracing in(Dtype::F32, 2, coefficients);
  Program program = *compile(find_method(method)->trace(in));
  constexpr uint64_t kShape[] = {8192, 3000, 2};
  fill_places(program, {.name = "weight", .shape = kShape});
  return program;
}

size_t operands_of(const Program& program) {
  return static_cast<size_t>(std::ranges::count(program.code, Op::load, &Instruction::op));
}

void merge(benchmark::State& state, const BlockKernels* kernels, Dtype dtype, size_t bytes, const Program& program) {
  const Operand operands[] = {{.data = streams()[0], .dtype = dtype}, {.data = streams()[1], .dtype = dtype}};
  StoreCounts counts;
  constexpr float kPositive = 0.125f;  // all have logarithms, and none is 0
  fill_inputs(dtype, bytes, kPositive);
  for (auto _ : state)
    run_program(*kernels, program, operands, 0, bytes / element_size(dtype), streams()[2], dtype, counts);
  count_bytes(state, bytes, static_cast<int>(operands_of(program) + 1));  // and the result
  if (counts.saturated + counts.overflowed + counts.lost_inf != 0) state.SkipWithError("the values must be ordinary");
}

void add_up(benchmark::State& state, const BlockKernels* kernels, Dtype dtype, size_t bytes) {
  const Operand x{.data = streams()[0], .dtype = dtype}, y{.data = streams()[1], .dtype = dtype};
  fill_inputs(dtype, bytes);
  for (auto _ : state) {
    LaneSums sums;
    add_products(*kernels, Dtype::F32, x, y, 0, bytes / element_size(dtype), 0, sums);
    benchmark::DoNotOptimize(sums.total());
  }
  count_bytes(state, bytes, 2);
}

// The first digit of magnitudes, or the second of those that have one that is common.
void count_magnitudes(benchmark::State& state, const BlockKernels* kernels, Dtype dtype, size_t bytes, bool first) {
  const Program loaded{.compute = Dtype::F32, .result = 0, .code = {{.op = Op::load}}};
  const Operand x{.data = streams()[0], .dtype = dtype};
  fill_inputs(dtype, bytes);
  const unsigned rest = key_bits(Dtype::F32) - kDigitBits;
  const Digit digit = first ? Digit{rest, kDigitBits, 0} : Digit{0, rest, magnitude_key(0.04f) >> rest};
  std::vector<uint32_t> tables(kDigitTables * kDigitBuckets);
  for (auto _ : state) {
    count_digits(*kernels, {loaded, &x, 0, bytes / element_size(dtype)}, digit, tables.data(), kDigitBuckets);
    benchmark::DoNotOptimize(tables.data());
  }
  count_bytes(state, bytes, 1);
}

void add_benchmarks(const char* where, size_t bytes) {
  const std::string suffix = std::string("/") + where;
  benchmark::RegisterBenchmark(("triad" + suffix).c_str(), triad, bytes);
  for (const BlockKernels* kernels : available_kernels())
    for (const Dtype dtype : {Dtype::F32, Dtype::BF16, Dtype::F16, Dtype::F8_E4M3, Dtype::F8_E5M2}) {
      const std::string name = std::string("/") + info(dtype).name + "/" + kernels->isa + suffix;
      benchmark::RegisterBenchmark(("weighted_sum" + name).c_str(), merge, kernels, dtype, bytes, weighted_sum());
      benchmark::RegisterBenchmark(("add_products" + name).c_str(), add_up, kernels, dtype, bytes);
      benchmark::RegisterBenchmark(("first_digits" + name).c_str(), count_magnitudes, kernels, dtype, bytes, true);
      benchmark::RegisterBenchmark(("later_digits" + name).c_str(), count_magnitudes, kernels, dtype, bytes, false);
      if (dtype != Dtype::F32 && dtype != Dtype::BF16) continue;
#define CKMERGE_ROW(op, operands, expression) \
  benchmark::RegisterBenchmark((#op + name).c_str(), merge, kernels, dtype, bytes, one_operation(Op::op));
      CKMERGE_ELEMENTWISE(CKMERGE_ROW)
#undef CKMERGE_ROW
      const Program dropout = placed("dropout", {0.5, 2, 0}), rows = placed("tensor_sum", {0.25, 0.75, -0.25, 0});
      const Program columns = placed("tensor_sum", {0.25, 0.75, -0.25, 1});
      benchmark::RegisterBenchmark(("dropout" + name).c_str(), merge, kernels, dtype, bytes, dropout);
      benchmark::RegisterBenchmark(("tensor_sum_rows" + name).c_str(), merge, kernels, dtype, bytes, rows);
      benchmark::RegisterBenchmark(("tensor_sum_columns" + name).c_str(), merge, kernels, dtype, bytes, columns);
    }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  add_benchmarks("memory", kInMemory);
  add_benchmarks("L2", kInL2);
  streams();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
