// SPDX-License-Identifier: Apache-2.0
// Operations that hang on where an element stands: against their definitions, wherever a tile begins and however its
// elements lie, and what they come to for a tensor.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernels/choice.h"
#include "kernels/formula.h"
#include "tests/cuda/device_runs.h"
#include "tests/kernels/naive_placed.h"
#include "tests/kernels/naive_program.h"

namespace ckmerge {
namespace {

Instruction uniform_with(uint64_t key) {
  return {.op = Op::uniform, .k0 = static_cast<double>(key >> 32), .k1 = static_cast<double>(key & UINT32_MAX)};
}
Instruction before_with(double period, double bound) { return {.op = Op::before, .k0 = period, .k1 = bound}; }

Program program_of(Instruction i, Dtype compute) { return {.compute = compute, .result = 0, .code = {i}}; }

std::vector<float> run(const BlockKernels& kernels, const Program& program, const Places& places, size_t count) {
  std::vector<float> out(count);
  StoreCounts counts;
  run_program(kernels, program, nullptr, 0, count, out.data(), Dtype::F32, counts, places);
  return out;
}

}  // namespace

TEST_CASE("placed: Philox4x32-10 gives the words of its authors' known answers") {
  using Words = std::array<uint32_t, 4>;
  CHECK(naive_philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(naive_philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(naive_philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("placed: every ISA, both compute dtypes, any begin and length") {
  const Instruction all[] = {uniform_with(0),
                             uniform_with(0x0123456789abcdef),
                             uniform_with(UINT64_MAX),
                             before_with(1, 0),
                             before_with(1, 1),
                             before_with(7, 3),
                             before_with(36, 4),
                             before_with(1e15, 0x100000000p0 + 3),
                             before_with(0x100000005p0, 0x100000004p0)};
  for (const BlockKernels* kernels : available_kernels())
    for (const Instruction& i : all)
      for (const Dtype compute : {Dtype::F32, Dtype::F64})
        for (const uint64_t first :
             {uint64_t{0}, uint64_t{1}, uint64_t{6}, uint64_t{0x100000000} - 2, uint64_t{1} << 45}) {
          size_t wrong = 0;
          for (size_t count = 0; count < 150; ++count) {
            const std::vector<float> got = run(*kernels, program_of(i, compute), {.first = first}, count);
            for (size_t k = 0; k < count; ++k) wrong += got[k] != naive_placed(i, first + k);
          }
          const std::vector<float> got = run(*kernels, program_of(i, compute), {.first = first}, 1300);
          for (size_t k = 0; k < got.size(); ++k) wrong += got[k] != naive_placed(i, first + k);
          CHECK_MESSAGE(wrong == 0, kernels->isa << " " << i.k0 << " " << first);
        }
}

TEST_CASE("placed: elements that do not follow each other") {
  const Places places{.first = 36, .inner = 4, .stride = 9};
  for (const BlockKernels* kernels : available_kernels())
    for (const Instruction& i : {uniform_with(5), before_with(36, 20)}) {
      const std::vector<float> got = run(*kernels, program_of(i, Dtype::F32), places, 700);
      size_t wrong = 0;
      for (size_t k = 0; k < got.size(); ++k) wrong += got[k] != naive_placed(i, 36 + k / 4 * 9 + k % 4);
      CHECK_MESSAGE(wrong == 0, kernels->isa);
    }
}

TEST_CASE("placed: devices do as the CPU does") {
  for (const auto& device : test::devices_under_test())
    for (const Instruction& i : {uniform_with(0x0123456789abcdef), before_with(36, 20)})
      for (const Dtype compute : {Dtype::F32, Dtype::F64}) {
        StoreCounts counts, expected_counts;
        const auto got = test::run_on(device, program_of(i, compute), {}, 5, 9000, Dtype::F32, counts, 3, 3);
        CHECK(got == run_naively(program_of(i, compute), {}, 5, 9000, Dtype::F32, expected_counts));
      }
}

TEST_CASE("placed: a tensor's key hangs on seed, method, input and name") {
  const auto filled = [](double seed, double method, uint16_t input, const char* name) {
    Program program = program_of({.op = Op::uniform, .operand = input, .k0 = seed, .k1 = method}, Dtype::F32);
    fill_places(program, {.name = name, .shape = {}});
    return std::pair(program.code[0].k0, program.code[0].k1);
  };
  const auto one = filled(1, 2, 3, "a.weight");
  CHECK(one == filled(1, 2, 3, "a.weight"));
  CHECK(one != filled(2, 2, 3, "a.weight"));
  CHECK(one != filled(1, 3, 3, "a.weight"));
  CHECK(one != filled(1, 2, 4, "a.weight"));
  CHECK(one != filled(1, 2, 3, "b.weight"));
  // The one result that all machines must give.
  CHECK(one == std::pair(0x8963df1p0, 0x8bb726acp0));
}

TEST_CASE("placed: shares of rows and columns are whole lines of the tensor") {
  struct Row {
    std::vector<uint64_t> shape;
    uint16_t axis;
    double share, period, bound;
  };
  const Row rows[] = {{{10, 3}, 0, 0.5, 30, 15},
                      {{10, 3}, 1, 0.5, 3, 1},
                      {{10, 3, 2}, 1, 0.67, 6, 4},
                      {{7}, 0, 0.5, 7, 3},
                      {{7}, 1, 0.5, 7, 3},
                      {{}, 0, 0.99, 1, 0},
                      {{}, 1, 1, 1, 1},
                      {{100, 1}, 0, 0.29, 100, 28},
                      {{0, 5}, 0, 0.5, 1, 0},
                      {{5, 0}, 1, 0.5, 1, 0},
                      {{4, 4}, 0, 1.5, 16, 16},
                      {{320, 4, 3, 3}, 1, 0.5, 36, 18},
                      {{320, 4, 3, 3}, 0, 0.25, 11520, 2880}};
  for (const Row& row : rows) {
    Program program = program_of({.op = Op::before, .operand = row.axis, .k0 = row.share}, Dtype::F32);
    fill_places(program, {.name = "", .shape = row.shape});
    CHECK(program.code[0].k0 == row.period);
    CHECK(program.code[0].k1 == row.bound);
    CHECK(program.code[0].operand == 0);
  }
}

TEST_CASE("placed: what is chosen is the operand itself, wherever blocks begin") {
  const Tracing in(Dtype::F32, 2, {});
  const auto share = [](double value) { return Coefficient{.value = value, .given = value}; };
  const auto axis = Tracing::Axis::columns;
  Program program = compile(where_negative(in.before(share(0.3), axis), in.x(0),
                                           where_negative(in.before(share(0.8), axis), in.x(1), in.x(0))))
                        .value();
  CHECK(program.keeps_equal());
  CHECK(is_choice(program));
  const uint64_t shape[] = {3, 4000};
  fill_places(program, {.name = "", .shape = shape});
  CHECK(chosen_operand(program, 0, 512) == 0);
  CHECK(chosen_operand(program, 1200, 2000) == 1);
  CHECK(chosen_operand(program, 7200, 800) == 0);
  for (const auto& [place, n] : {std::pair(1100u, 512u), std::pair(3199u, 2u), std::pair(3990u, 20u)})
    CHECK_FALSE(chosen_operand(program, place, n));
  std::vector<float> a(12000), b(12000);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = i % 5 == 0 ? std::nanf("") : static_cast<float>(i);
    b[i] = i % 10 == 0 ? a[i] : -static_cast<float>(i);
  }
  const std::vector<Operand> operands = {{.data = a.data(), .dtype = Dtype::F32},
                                         {.data = b.data(), .dtype = Dtype::F32}};
  for (const BlockKernels* kernels : available_kernels())
    for (const size_t begin : {0u, 1u, 700u, 1100u}) {
      StoreCounts counts, expected_counts;
      const auto got = run_with(*kernels, program, operands, begin, 12000 - begin, Dtype::F32, counts, 0);
      CHECK(got == run_naively(program, operands, begin, 12000 - begin, Dtype::F32, expected_counts));
      CHECK(counts == expected_counts);
    }
  // A select by a value is no choice, and neither is one of a place.
  CHECK_FALSE(is_choice(compile(where_negative(in.x(0), in.x(1), in.x(0))).value()));
  CHECK_FALSE(is_choice(compile(in.x(0)).value()));
}

TEST_CASE("placed: numbers are spread evenly, and those of neighbours, seeds and names have nothing in common") {
  constexpr size_t kCount = 1 << 16;
  const auto numbers = [](double seed, const char* name) {
    Program program = program_of({.op = Op::uniform, .k0 = seed}, Dtype::F32);
    fill_places(program, {.name = name, .shape = {}});
    return run(*available_kernels().begin()[0], program, {}, kCount);
  };
  const std::vector<float> one = numbers(0, "a.weight"), other = numbers(1, "a.weight"), third = numbers(0, "b.weight");
  const auto correlation = [](const std::vector<float>& x, const std::vector<float>& y, size_t shift) {
    double sum = 0;
    for (size_t i = 0; i + shift < x.size(); ++i) sum += (double{x[i]} - 0.5) * (double{y[i + shift]} - 0.5);
    return 12 * sum / static_cast<double>(x.size());
  };
  double average = 0;
  std::array<size_t, 64> boxes{};
  for (const float u : one) {
    CHECK((u >= 0 && u < 1));
    average += double{u} / kCount;
    ++boxes[static_cast<size_t>(u * 64)];
  }
  double chi_squared = 0;  // of 63 degrees of freedom
  for (const size_t count : boxes) chi_squared += std::pow(static_cast<double>(count) - 1024, 2) / 1024;
  CHECK(std::fabs(average - 0.5) < 0.005);
  CHECK(chi_squared > 30);
  CHECK(chi_squared < 115);
  for (const size_t shift : {1u, 2u, 3u, 4u}) CHECK(std::fabs(correlation(one, one, shift)) < 0.02);
  CHECK(std::fabs(correlation(one, other, 0)) < 0.02);
  CHECK(std::fabs(correlation(one, third, 0)) < 0.02);
}

}  // namespace ckmerge
