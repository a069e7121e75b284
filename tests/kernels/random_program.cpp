// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/random_program.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/cuda/device_runs.h"
#include "tests/kernels/naive_program.h"
#include "tests/kernels/oracle.h"

namespace ckmerge {
namespace {

// Takes numbers off the front; an exhausted source gives zeros, so that every input means something.
class Source {
 public:
  explicit Source(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  template <typename T>
  T take() {
    T value{};
    const size_t size = std::min(sizeof(T), bytes_.size());
    std::memcpy(&value, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return value;
  }
  uint64_t below(uint64_t limit) { return take<uint16_t>() % limit; }
  std::span<const uint8_t> rest() const { return bytes_; }

 private:
  std::span<const uint8_t> bytes_;
};

Dtype take_dtype(Source& source, Dtype compute) {
  for (;;) {
    const Dtype dtype = oracle::kReal[source.below(std::size(oracle::kReal))];
    if (dtype != Dtype::F64 || compute == Dtype::F64) return dtype;
  }
}

constexpr size_t kCoefficients = 3;

uint16_t take_slot(Source& source) {
  const uint64_t slot = source.below(2 * kCoefficients);
  return slot < kCoefficients ? static_cast<uint16_t>(slot) : Instruction::kNoSlot;
}

Program take_program(Source& source, size_t operands) {
  Program program;
  program.compute = source.below(4) == 0 ? Dtype::F64 : Dtype::F32;
  const uint64_t registers = source.below(4) == 0 ? 1 + source.below(4 * kStackRegisters) : cuda::kRegisters;
  for (uint16_t k = 0; k < registers; ++k)  // every register holds something before it is read
    program.code.push_back({.op = Op::load, .dst = k, .operand = static_cast<uint16_t>(source.below(operands))});
  for (uint64_t left = source.below(8); left > 0; --left) {
    Instruction i;
    i.op = static_cast<Op>(source.below(kOpCount));
    if (i.op == Op::line) i.op = Op::zero;  // there is no tensor whose lines had numbers
    i.dst = static_cast<uint16_t>(source.below(registers));
    i.a = static_cast<uint16_t>(source.below(registers));
    i.b = static_cast<uint16_t>(source.below(registers));
    i.c = static_cast<uint16_t>(source.below(registers));
    i.operand = static_cast<uint16_t>(source.below(operands));
    i.k0 = source.take<float>();
    i.k1 = source.take<float>();
    i.slot0 = take_slot(source);
    i.slot1 = take_slot(source);
    if (is_placed(i.op)) {
      i.slot0 = i.slot1 = Instruction::kNoSlot;
      i.k1 = static_cast<double>(source.take<uint32_t>());
      i.k0 = i.op == Op::stays ? source.take<float>()
                               : static_cast<double>(std::max<uint64_t>(1, source.take<uint32_t>()));
      if (i.op == Op::before) i.k1 = std::min(i.k0, i.k1);
    }
    program.code.push_back(i);
  }
  program.result = static_cast<uint16_t>(source.below(registers));
  return program;
}

// The program as the plan has it with the coefficients written where they belong.
Program filled(Program program, std::span<const double> coefficients) {
  for (Instruction& i : program.code) {
    if (i.slot0 < kCoefficients) i.k0 = coefficients[i.slot0];
    if (i.slot1 < kCoefficients) i.k1 = coefficients[i.slot1];
  }
  return program;
}

// What is left of the input, over and over: `size` bytes at `offset` from a cache line.
class Memory {
 public:
  Memory(std::span<const uint8_t> pattern, size_t size, size_t offset) : bytes_(size + 128) {
    begin_ = bytes_.data() + 64 - reinterpret_cast<uintptr_t>(bytes_.data()) % 64 + offset % 64;
    for (size_t i = 0; !pattern.empty() && i < size; ++i) begin_[i] = pattern[i % pattern.size()];
  }
  const void* begin() const { return begin_; }

 private:
  std::vector<uint8_t> bytes_;
  uint8_t* begin_;
};

// Elements [first, first + count) of some operands, and the bytes behind them.
struct Window {
  uint64_t first, count;
  std::vector<Operand> operands;
  std::vector<Memory> memory;
};

Window take_window(Source& source, size_t operands, Dtype compute) {
  Window window{.first = source.below(40), .count = source.below(1100), .operands = {}, .memory = {}};
  window.memory.reserve(operands);
  for (size_t k = 0; k < operands; ++k) {
    Operand operand{.data = nullptr, .dtype = take_dtype(source, compute)};
    if (source.below(3) == 0) {
      operand.inner = 1 + source.below(700);
      operand.stride = (operand.inner + source.below(3)) * element_size(operand.dtype) + source.below(2);
    }
    const uint64_t last = window.first + window.count;
    const uint64_t size = operand.inner == UINT64_MAX ? last * 8 : (last / operand.inner + 1) * operand.stride + 8;
    window.memory.emplace_back(source.rest(), size, source.below(64));
    operand.data = window.memory.back().begin();
    window.operands.push_back(operand);
  }
  return window;
}

bool same_products(const BlockKernels& kernels, Dtype compute, const Window& window, uint64_t index) {
  LaneSums got, expected;
  const Operand &x = window.operands.front(), &y = window.operands.back();
  add_products(kernels, compute, x, y, window.first, window.count, index, got);
  add_products_naively(compute, x, y, window.first, window.count, index, expected);
  return same_lanes(got, expected);
}

bool same_products(const test::DeviceUnderTest& device, Dtype compute, const Window& window, uint64_t index) {
  LaneSums got, expected;
  const Operand &x = window.operands.front(), &y = window.operands.back();
  test::add_products_on(device, compute, x, y, window.first, window.count, index, got);
  add_products_naively(compute, x, y, window.first, window.count, index, expected);
  return same_lanes(got, expected);
}

}  // namespace

std::string check_random_program(std::span<const uint8_t> bytes) {
  Source source(bytes);
  const size_t offset = source.below(64), operand_count = 1 + source.below(3);
  const uint64_t index = source.take<uint64_t>();
  const double coefficients[kCoefficients] = {source.take<float>(), source.take<double>(), 0.5};
  Program program = take_program(source, operand_count);
  const Dtype out = oracle::kReal[source.below(std::size(oracle::kReal))];
  const Window window = take_window(source, operand_count, program.compute);
  const auto& [first, count, operands, memory] = window;
  StoreCounts expected_counts;
  const auto expected = run_naively(filled(program, coefficients), operands, first, count, out, expected_counts);
  // Filling may take out what keeps equal operands, which is only said of programs that compile() made.
  if (std::ranges::any_of(program.code, [](const Instruction& i) { return i.op >= Op::agreed_or; }))
    program = filled(program, coefficients);
  else
    fill_slots(program, coefficients);
  std::string wrong;
  for (const BlockKernels* kernels : available_kernels()) {
    StoreCounts counts;
    const bool same = run_with(*kernels, program, operands, first, count, out, counts, offset) == expected &&
                      counts == expected_counts && same_products(*kernels, program.compute, window, index);
    if (!same) wrong += std::string(wrong.empty() ? "" : ", ") + kernels->isa;
  }
  // Programs with more registers than a device has are the CPU's (core/engine/tile_worker.cpp).
  for (const auto& device : test::devices_under_test()) {
    if (program.registers() > cuda::kRegisters) break;
    StoreCounts counts;
    const auto got = test::run_on(device, program, operands, first, count, out, counts, offset, offset + count);
    if (got != expected || !(counts == expected_counts) || !same_products(device, program.compute, window, index))
      wrong += std::string(wrong.empty() ? "" : ", ") + device.name;
  }
  return wrong;
}

}  // namespace ckmerge
