// SPDX-License-Identifier: Apache-2.0
// NaN and Inf in the output: how many there are, and how many of them no operand had.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "tests/kernels/naive_program.h"

namespace ckmerge {
namespace {

// x + k * y
Program add_scaled(double k, Dtype compute = Dtype::F32) {
  return {.compute = compute,
          .code = {{.op = Op::load, .dst = 0, .operand = 0},
                   {.op = Op::load, .dst = 1, .operand = 1},
                   {.op = Op::add_scaled, .dst = 0, .a = 0, .b = 1, .k0 = k}}};
}

// Counts of the program over two F32 tensors, the same on every table.
StoreCounts counted(const Program& program, const std::vector<float>& x, const std::vector<float>& y, Dtype out) {
  const std::vector<Operand> operands = {{.data = x.data(), .dtype = Dtype::F32},
                                         {.data = y.data(), .dtype = Dtype::F32}};
  StoreCounts first;
  for (const BlockKernels* kernels : available_kernels()) {
    StoreCounts counts;
    run_with(*kernels, program, operands, 0, x.size(), out, counts);
    if (kernels == available_kernels().begin()[0]) first = counts;
    CHECK(counts == first);
  }
  return first;
}

std::vector<float> ones_but(size_t at, float value, size_t count = 2000) {
  std::vector<float> all(count, 1);
  all[at] = value;
  return all;
}

}  // namespace

TEST_CASE("NaN and Inf of an operand are in the output, but not created") {
  const std::vector<float> ones(2000, 1);
  for (const Dtype out : oracle::kReal)
    for (const float special : {NAN, -INFINITY}) {
      const StoreCounts in_x = counted(add_scaled(0.5), ones_but(1999, special), ones, out);
      const StoreCounts in_y = counted(add_scaled(0.5), ones, ones_but(700, special), out);
      CHECK(in_x.non_finite == 1);
      CHECK(in_x.created == 0);
      CHECK(in_y.non_finite == 1);
      CHECK(in_y.created == 0);
    }
}

TEST_CASE("what the formula or the output's dtype makes infinite is created, unless it is saturated") {
  const std::vector<float> large = ones_but(600, 3e38f), ones(2000, 1);
  CHECK(counted(add_scaled(1), large, large, Dtype::F32) == StoreCounts{.non_finite = 1, .created = 1});
  CHECK(counted(add_scaled(-1e30), ones_but(3, 1e30f), ones_but(3, 1e30f), Dtype::BF16) ==
        StoreCounts{.non_finite = 1, .created = 1});
  CHECK(counted(add_scaled(1), ones_but(600, 65504), ones_but(600, 65504), Dtype::F16) ==
        StoreCounts{.overflowed = 1, .non_finite = 1});
  CHECK(counted(add_scaled(1), ones_but(600, 65504), ones_but(600, 65504), Dtype::F8_E4M3) ==
        StoreCounts{.saturated = 1});
  // computed as f64 there is room for the sum, in F32 there is not
  CHECK(counted(add_scaled(1, Dtype::F64), large, large, Dtype::F64) == StoreCounts{});
  CHECK(counted(add_scaled(1, Dtype::F64), large, large, Dtype::F32) == StoreCounts{.overflowed = 1, .non_finite = 1});
  // an Inf that was made is stored by e4m3 as NaN: created, not lost
  CHECK(counted(add_scaled(1), large, large, Dtype::F8_E4M3) == StoreCounts{.non_finite = 1, .created = 1});
}

TEST_CASE("elements are told apart within a block: some have their NaN from an operand, their neighbours do not") {
  std::vector<float> x(1300, 3e38f), y(1300, 3e38f);
  for (size_t i = 0; i < x.size(); i += 3) x[i] = NAN;
  for (size_t i = 0; i < x.size(); i += 5) y[i] = INFINITY;
  for (size_t i = 0; i < x.size(); i += 7) x[i] = y[i] = 1;
  uint64_t non_finite = 0, created = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    non_finite += i % 7 != 0;
    created += i % 7 != 0 && i % 3 != 0 && i % 5 != 0;
  }
  for (const Dtype out : {Dtype::F32, Dtype::BF16}) {
    const StoreCounts counts = counted(add_scaled(1), x, y, out);
    CHECK(counts.non_finite == non_finite);
    CHECK(counts.created == created);
  }
}

TEST_CASE("a conversion creates what does not fit, and nothing else") {
  const Program copy = {.code = {{.op = Op::load}}};
  const std::vector<float> x = {1, NAN, INFINITY, 65520, -1e38f, 65519};
  CHECK(counted(copy, x, x, Dtype::F16) == StoreCounts{.overflowed = 2, .non_finite = 4});
  CHECK(counted(copy, x, x, Dtype::F32) == StoreCounts{.non_finite = 2});
}

}  // namespace ckmerge
