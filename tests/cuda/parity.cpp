// SPDX-License-Identifier: Apache-2.0
// Every method on every device against the CPU, byte for byte: dtypes, alignments and sizes around the borders of
// vectors, blocks and tiles. A program without a test library, so that a machine that has a card and little else can
// build it (bench/gpu_check.sh). Prints a row for each method. With --quick only some sizes and alignments: under a
// sanitizer of devices all of them take hours.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/cuda/tile_job.h"
#include "kernels/cuda/tile_program.h"
#include "kernels/formula.h"
#include "kernels/method.h"
#include "tests/cuda/device_runs.h"

namespace {

using namespace ckmerge;
using test::DeviceUnderTest;

constexpr Dtype kReal[] = {Dtype::F8_E5M2, Dtype::F8_E4M3, Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64};
constexpr uint64_t kLargest = (1u << 20) + 3;
bool quick = false;

// Bytes of weights of a realistic scale, with NaN, Inf, subnormals and the largest values among them, or without.
std::vector<unsigned char> make_weights(Dtype dtype, unsigned seed, bool any) {
  std::vector<unsigned char> bytes(kLargest * element_size(dtype));
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 0.5f);
  float block[kBlockElements];
  StoreCounts counts;
  for (uint64_t at = 0; at < kLargest; at += kBlockElements) {
    for (float& value : block) value = normal(random);
    const uint64_t n = kLargest - at < kBlockElements ? kLargest - at : kBlockElements;
    available_kernels().begin()[0]->store32[static_cast<size_t>(dtype)](block, bytes.data() + at * element_size(dtype),
                                                                        n, &counts);
  }
  for (uint64_t i = 0; any && i < kLargest; i += 97)  // any bits at all
    for (uint64_t k = 0; k < element_size(dtype); ++k)
      bytes[i * element_size(dtype) + k] = static_cast<unsigned char>(random());
  return bytes;
}

// The first `count` of them behind `offset` bytes. They are made once: that takes longer than to compare programs.
std::vector<unsigned char> weights(Dtype dtype, unsigned seed, size_t offset, uint64_t count, bool any = true) {
  static std::map<std::tuple<Dtype, unsigned, bool>, std::vector<unsigned char>> made;
  std::vector<unsigned char>& all = made[{dtype, seed, any}];
  if (all.empty()) all = make_weights(dtype, seed, any);
  std::vector<unsigned char> bytes(offset + count * element_size(dtype));
  std::copy_n(all.begin(), count * element_size(dtype), bytes.begin() + static_cast<ptrdiff_t>(offset));
  return bytes;
}

struct Cells {
  uint64_t run = 0, wrong = 0;
  std::string first = {};
};

bool same(const StoreCounts& a, const StoreCounts& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

void compare(const DeviceUnderTest& device, const Program& program, const std::vector<Operand>& operands,
             uint64_t count, Dtype out, size_t offset, Cells& cells) {
  const BlockKernels& cpu = *available_kernels().begin()[0];
  std::vector<unsigned char> expected(count * element_size(out));
  StoreCounts expected_counts, counts;
  run_program(cpu, program, operands.data(), 0, count, expected.data(), out, expected_counts);
  const auto got = test::run_on(device, program, operands, 0, count, out, counts, offset, offset / element_size(out));
  ++cells.run;
  if (got == expected && same(counts, expected_counts)) return;
  if (cells.wrong++ == 0)
    cells.first =
        std::string("into ") + info(out).name + ", " + std::to_string(count) + " elements at " + std::to_string(offset);
}

std::span<const uint64_t> sizes(bool few) {
  static constexpr uint64_t kAll[] = {777, 8193, 1, 0, 7, 8, 8191, 8192, 65537, kLargest};
  return std::span(kAll).first(few ? 3 : std::size(kAll));
}

std::span<const size_t> offsets(bool few) {
  static constexpr size_t kAll[] = {0, 1, 8, 30};
  return std::span(kAll).first(few ? 2 : std::size(kAll));
}

// What differs between programs is seen in few elements: borders of vectors, blocks and tiles are the interpreter's and
// those of fused expressions, which one program of each set of block operations tries in full.
bool few_are_enough(const Program& program) {
  static std::set<std::set<Op>> tried;
  std::set<Op> operations;
  bool elementwise = false;
  for (const Instruction& i : program.code) {
    operations.insert(i.op);
    elementwise |= elementwise_operands(i.op) > 0;
  }
  return quick || elementwise || !tried.insert(operations).second;
}

// Many tiles show where they are put, which hangs on neither dtype of output nor alignment; on a card they cost little.
bool is_wanted(const DeviceUnderTest& device, uint64_t count, size_t offset, bool same_dtype) {
  return count != kLargest || device.runtime != nullptr || (offset == 1 && same_dtype);
}

// Operands of one dtype or of several, the output as the first and as others.
void compare_dtypes(const DeviceUnderTest& device, const Program& program, bool few, size_t inputs, Dtype first,
                    bool mixed, Cells& cells) {
  const uint64_t most = std::ranges::max(sizes(few));
  for (const size_t offset : offsets(few)) {
    std::vector<std::vector<unsigned char>> memory;
    std::vector<Operand> operands;
    for (size_t k = 0; k < inputs; ++k) {
      const Dtype dtype = mixed ? kReal[(static_cast<size_t>(first) + k) % std::size(kReal)] : first;
      memory.push_back(weights(dtype, static_cast<unsigned>(k + 1), offset, most));
      operands.push_back({.data = memory.back().data() + offset, .dtype = dtype});
    }
    for (const uint64_t count : sizes(few))
      for (const Dtype out : {first, Dtype::BF16, Dtype::F8_E4M3, Dtype::F64})
        if (is_wanted(device, count, offset, out == first))
          compare(device, program, operands, count, out, offset, cells);
  }
}

Cells compare_method(const DeviceUnderTest& device, const Method& method) {
  Cells cells;
  const size_t inputs = method.spec->max_inputs ? method.spec->max_inputs : 4;
  std::vector<double> coefficients(method.coefficient_count(inputs));
  for (size_t k = 0; k < coefficients.size(); ++k) coefficients[k] = 0.3 - 0.45 * static_cast<double>(k);
  for (const Dtype compute : {Dtype::F32, Dtype::F64}) {
    const Tracing tracing(compute, inputs, coefficients);
    const Symbol result = method.trace(tracing);
    Program program{.compute = compute, .code = {{.op = Op::load}}};
    if (!bare_operand(result)) program = *compile(result);
    if (program.registers() > cuda::kRegisters || program.has_lines()) continue;  // which are the CPU's
    constexpr uint64_t kShape[] = {30, 37, 3};
    for (Instruction& i : program.code)
      if (i.op == Op::uniform) i.k0 = 7;  // a seed is a whole number
    for (Instruction& i : program.code)
      if (i.op == Op::stays) i.k1 = 2000;  // so is an index
    fill_places(program, {.name = "layers.3.weight", .shape = kShape});
    const bool few = few_are_enough(program);
    for (const Dtype dtype : kReal)
      for (const bool mixed : {false, true})
        if (compute == Dtype::F32 || dtype == Dtype::F64)
          compare_dtypes(device, program, few, inputs, dtype, mixed, cells);
  }
  return cells;
}

void compare_sum(const DeviceUnderTest& device, Dtype compute, const Operand& x, const Operand& y, uint64_t count,
                 uint64_t index, Cells& cells) {
  LaneSums expected, got;
  add_products(*available_kernels().begin()[0], compute, x, y, 3, count, index, expected);
  test::add_products_on(device, compute, x, y, 3, count, index, got);
  ++cells.run;
  bool alike = true;
  for (size_t lane = 0; lane < kLanes; ++lane)
    alike &= std::memcmp(&got.lanes[lane], &expected.lanes[lane], sizeof(double)) == 0 ||
             (got.lanes[lane] != got.lanes[lane] && expected.lanes[lane] != expected.lanes[lane]);
  if (!alike && cells.wrong++ == 0)
    cells.first = std::string(info(x.dtype).name) + " and " + info(y.dtype).name + ", " + std::to_string(count);
}

// Around the sets of rows that are read ahead: 16 lanes times 16 or 32 rows. Without NaN: one hides all other bits.
Cells compare_sums(const DeviceUnderTest& device) {
  Cells cells;
  for (size_t k = 0; k < std::size(kReal); ++k)
    for (const Dtype other : {kReal[k], kReal[(k + 1) % std::size(kReal)]})
      for (const size_t offset : {size_t{0}, size_t{1}}) {
        const auto a = weights(kReal[k], 1, offset, kReductionBlock + 3, false),
                   b = weights(other, 2, offset, kReductionBlock + 3, false);
        const Operand x{.data = a.data() + offset, .dtype = kReal[k]}, y{.data = b.data() + offset, .dtype = other};
        for (const uint64_t count : {uint64_t{0}, uint64_t{1}, uint64_t{15}, uint64_t{255}, uint64_t{256},
                                     uint64_t{511}, uint64_t{512}, uint64_t{777}, uint64_t{1030}, kReductionBlock})
          for (const uint64_t index : {uint64_t{0}, uint64_t{5}})
            for (const Dtype compute : {Dtype::F32, Dtype::F64})
              if (compute == Dtype::F32 || kReal[k] == Dtype::F64 || other == Dtype::F64)
                compare_sum(device, compute, x, y, count, index, cells);
      }
  return cells;
}

uint64_t print(const char* device, const char* what, const Cells& cells) {
  std::printf("| %s | %s | %llu | %llu | %s |\n", device, what, static_cast<unsigned long long>(cells.run),
              static_cast<unsigned long long>(cells.wrong), cells.first.c_str());
  return cells.wrong;
}

}  // namespace

int main(int argc, char** argv) {
  quick = argc > 1 && std::strcmp(argv[1], "--quick") == 0;
  uint64_t wrong = 0;
  bool cuda = false;
  std::printf("| device | what | cells | different from the CPU | the first |\n| --- | --- | --- | --- | --- |\n");
  for (const DeviceUnderTest& device : test::devices_under_test()) {
    cuda |= device.runtime != nullptr;
    for (const Method& method : methods())
      if (method.trace) wrong += print(device.name, method.spec->name, compare_method(device, method));
    wrong += print(device.name, "sums of products", compare_sums(device));
  }
  if (!cuda)
    std::printf("NOT RUN: the parity of CUDA devices (%s)\n", cuda::runtime() ? "no device" : "built without CUDA");
  return wrong == 0 ? 0 : 1;
}
