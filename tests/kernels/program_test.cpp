// SPDX-License-Identifier: Apache-2.0
// The interpreter: blocks, views, alignments and windows of a tile program, on every table and device.
#include "kernels/program.h"

#include <doctest/doctest.h>

#include <random>

#include "tests/cuda/device_runs.h"
#include "tests/kernels/naive_program.h"
#include "tests/kernels/oracle.h"

namespace ckmerge {
namespace {

constexpr uint64_t kElements = 4096;

// kElements values of a dtype, `offset` bytes from a cache line.
class Tensor {
 public:
  Tensor(Dtype dtype, unsigned seed, size_t offset = 0) : dtype_(dtype), memory_(kElements * 8 + 128) {
    begin_ = memory_.data() + 64 - reinterpret_cast<uintptr_t>(memory_.data()) % 64 + offset;
    std::mt19937 random(seed);
    std::normal_distribution<double> weights(0, 0.5);
    StoreCounts counts;
    for (uint64_t i = 0; i < kElements; ++i)
      oracle::write(dtype, weights(random), begin_ + i * element_size(dtype), counts);
  }
  Operand view() const { return {.data = begin_, .dtype = dtype_}; }
  Operand rows(uint64_t inner, uint64_t stride) const {
    return {.data = begin_, .dtype = dtype_, .inner = inner, .stride = stride * element_size(dtype_)};
  }

 private:
  Dtype dtype_;
  std::vector<unsigned char> memory_;
  unsigned char* begin_;
};

Instruction load(uint16_t dst, uint16_t operand) { return {.op = Op::load, .dst = dst, .operand = operand}; }

Program mix(Dtype compute = Dtype::F32) {
  return {.compute = compute,
          .result = 1,
          .code = {load(0, 0), load(1, 1), {.op = Op::mix, .dst = 1, .a = 0, .b = 1, .k0 = 0.7, .k1 = 0.3}}};
}

void check(const Program& program, const std::vector<Operand>& operands, uint64_t first, uint64_t count, Dtype out,
           size_t offset = 0) {
  StoreCounts expected_counts;
  const auto expected = run_naively(program, operands, first, count, out, expected_counts);
  for (const BlockKernels* kernels : available_kernels()) {
    StoreCounts counts;
    const auto got = run_with(*kernels, program, operands, first, count, out, counts, offset);
    CHECK_MESSAGE(got == expected, kernels->isa << " elements " << first << " + " << count << " as " << info(out).name);
    CHECK(counts == expected_counts);
  }
  for (const auto& device : test::devices_under_test())
    for (const size_t shift : {size_t{0}, (offset + first) % 8, count % 8}) {
      StoreCounts counts;
      const auto got = test::run_on(device, program, operands, first, count, out, counts, offset, shift);
      CHECK_MESSAGE(got == expected, device.name << " elements " << first << " + " << count << " as " << info(out).name
                                                 << " shift " << shift);
      CHECK(counts == expected_counts);
    }
}

}  // namespace

TEST_CASE("every pair of dtypes into every dtype, in f32 and f64") {
  for (const Dtype a : oracle::kReal)
    for (const Dtype b : oracle::kReal)
      for (const Dtype out : oracle::kReal) {
        const Tensor x(a, 1), y(b, 2);
        if (a != Dtype::F64 && b != Dtype::F64) check(mix(), {x.view(), y.view()}, 0, 700, out);
        check(mix(Dtype::F64), {x.view(), y.view()}, 0, 700, out);
      }
}

TEST_CASE("counts around the block size, from anywhere in the tensor") {
  const Tensor x(Dtype::BF16, 1), y(Dtype::F32, 2);
  for (const uint64_t count : {0u, 1u, 2u, 511u, 512u, 513u, 1023u, 1024u, 1025u, 3000u})
    for (const uint64_t first : {0u, 1u, 37u, 512u, 1000u})
      check(mix(), {x.view(), y.view()}, first, count, Dtype::F16);
}

TEST_CASE("operands and outputs at every alignment; aligned ones of the compute dtype are read where they lie") {
  for (const Dtype dtype : {Dtype::F32, Dtype::F16, Dtype::F64})
    for (size_t offset = 0; offset < 64; ++offset) {
      const Tensor x(dtype, 1, offset), y(dtype, 2, 63 - offset);
      const Dtype compute = dtype == Dtype::F64 ? Dtype::F64 : Dtype::F32;
      check(mix(compute), {x.view(), y.view()}, 3, 600, dtype, offset);
    }
}

TEST_CASE("views of rows: runs shorter and longer than a block, repeated rows, windows that start inside a row") {
  for (const Dtype dtype : {Dtype::F32, Dtype::BF16, Dtype::F8_E4M3}) {
    const Tensor x(dtype, 1), y(dtype, 2);
    const Operand views[] = {x.rows(1, 4), x.rows(7, 9), x.rows(512, 700), x.rows(600, 0), x.rows(1000, 1500)};
    for (const Operand& view : views)
      for (const uint64_t first : {0u, 5u, 599u}) check(mix(), {view, y.view()}, first, 400, dtype);
    check(mix(), {x.rows(600, 1200), y.rows(7, 9)}, 0, 1800, dtype);
  }
}

TEST_CASE("a program that only loads converts") {
  const Program copy = {.code = {load(0, 0)}};
  for (const Dtype from : oracle::kReal)
    for (const Dtype to : oracle::kReal) {
      if (from == Dtype::F64) continue;
      const Tensor x(from, 1, 1);
      check(copy, {x.view()}, 0, 1025, to);
    }
}

TEST_CASE("in-place registers of a loaded operand never write into the operand") {
  const Tensor x(Dtype::F32, 1), y(Dtype::F32, 2);
  const std::vector<Operand> operands = {x.view(), y.view()};
  Program program = {.code = {load(0, 0), load(1, 1)}};
  program.code.push_back({.op = Op::scale, .dst = 0, .a = 0, .k0 = 3});
  program.code.push_back({.op = Op::add_scaled, .dst = 0, .a = 0, .b = 1, .k0 = 2});
  program.code.push_back({.op = Op::add_scaled_difference, .dst = 1, .a = 1, .b = 0, .c = 1, .k0 = -1});
  program.code.push_back({.op = Op::subtract, .dst = 0, .a = 0, .b = 1});
  check(program, operands, 0, 1025, Dtype::F32);
  check(program, operands, 0, 1025, Dtype::F32);  // the same again: x and y are what they were
}

TEST_CASE("zero needs no operand, and constants are rounded to the compute dtype") {
  const Program zero = {.code = {{.op = Op::zero}}};
  check(zero, {}, 0, 1025, Dtype::BF16);
  const Tensor x(Dtype::F32, 1);
  for (const Dtype compute : {Dtype::F32, Dtype::F64}) {
    const Program scale = {.compute = compute, .code = {load(0, 0), {.op = Op::scale, .k0 = 0.1}}};
    check(scale, {x.view()}, 0, 100, Dtype::F64);
  }
}

}  // namespace ckmerge
