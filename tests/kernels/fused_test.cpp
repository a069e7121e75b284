// SPDX-License-Identifier: Apache-2.0
// A fused loop against the instructions that it stands for, and what it has to leave to them.
#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <vector>

#include "kernels/program.h"

namespace ckmerge {
namespace {

constexpr Dtype kFused[] = {Dtype::F16, Dtype::BF16, Dtype::F32};

const Program kMix{.compute = Dtype::F32,
                   .result = 0,
                   .code = {{.op = Op::load, .dst = 0, .operand = 0},
                            {.op = Op::load, .dst = 1, .operand = 1},
                            {.op = Op::agree_or_mix, .dst = 0, .a = 0, .b = 1, .k0 = 0.3, .k1 = 0.7}}};
const Program kMove{.compute = Dtype::F32,
                    .result = 2,
                    .code = {{.op = Op::load, .dst = 0, .operand = 2},
                             {.op = Op::load, .dst = 1, .operand = 0},
                             {.op = Op::load, .dst = 2, .operand = 1},
                             {.op = Op::agree_or_add_scaled_difference, .dst = 2, .a = 0, .b = 1, .c = 2, .k0 = 1.5}}};

using Bytes = std::vector<unsigned char>;

struct Outcome {
  Bytes bytes;
  StoreCounts counts;
};

// Runs of seven elements are no contiguous block, so that the instructions do it.
Outcome run(const BlockKernels& kernels, const Program& program, const std::vector<Bytes>& inputs, Dtype dtype,
            bool fused) {
  const size_t size = element_size(dtype), count = inputs[0].size() / size;
  std::vector<Operand> operands;
  for (const Bytes& input : inputs) {
    operands.push_back({.data = input.data(), .dtype = dtype});
    if (!fused) operands.back().inner = 7, operands.back().stride = 7 * size;
  }
  Outcome outcome{.bytes = Bytes(inputs[0].size()), .counts = {}};
  run_program(kernels, program, operands.data(), 0, count, outcome.bytes.data(), dtype, outcome.counts);
  return outcome;
}

void check_alike(const std::vector<Bytes>& inputs, Dtype dtype) {
  for (const BlockKernels* kernels : available_kernels())
    for (const Program* program : {&kMix, &kMove}) {
      INFO(kernels->isa << " " << info(dtype).name << (program == &kMix ? " mix" : " move"));
      const Outcome fused = run(*kernels, *program, inputs, dtype, true);
      const Outcome plain = run(*kernels, *program, inputs, dtype, false);
      CHECK(fused.bytes == plain.bytes);
      CHECK(std::memcmp(&fused.counts, &plain.counts, sizeof(StoreCounts)) == 0);
    }
}

// Every code beside another, every fifth beside itself.
std::vector<Bytes> all_codes(uint32_t factor) {
  std::vector<Bytes> inputs(3);
  for (uint32_t code = 0; code < 0x10000; ++code)
    for (uint32_t k = 0; k < 3; ++k) {
      const auto other = static_cast<uint16_t>(code % 5 == 0 ? code : code * factor + k * 0x11);
      const uint16_t stored = k == 0 ? static_cast<uint16_t>(code) : other;
      inputs[k].push_back(static_cast<unsigned char>(stored));
      inputs[k].push_back(static_cast<unsigned char>(stored >> 8));
    }
  return inputs;
}

// Ordinary weights, in which the values of two inputs lie close to each other.
std::vector<Bytes> weights(Dtype dtype, size_t count) {
  std::vector<Bytes> inputs(3, Bytes(count * element_size(dtype)));
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 0.02F);
  for (Bytes& input : inputs)
    for (size_t i = 0; i < count; ++i) {
      const float value = normal(random);
      StoreCounts counts;
      find_kernels("baseline")
          ->store32[static_cast<size_t>(dtype)](&value, &input[i * element_size(dtype)], 1, &counts);
    }
  return inputs;
}

bool fused(const BlockKernels& kernels, bool mix, const std::vector<Bytes>& inputs, Dtype dtype, Bytes& out) {
  const FusedLoop loop = (mix ? kernels.fused_mix : kernels.fused_move)[static_cast<size_t>(dtype)];
  const bool exists = loop != nullptr;  // doctest cannot print functions
  REQUIRE(exists);
  return loop(inputs[0].data(), inputs[1].data(), inputs[2].data(), out.data(), 0.3F, 0.7F,
              inputs[0].size() / element_size(dtype));
}

}  // namespace

TEST_CASE("fused loops give the bytes and counts of the instructions, for every code of 16 bits") {
  for (const Dtype dtype : {Dtype::F16, Dtype::BF16})
    for (const uint32_t factor : {1u, 3u, 40503u}) check_alike(all_codes(factor), dtype);
}

TEST_CASE("fused loops give the bytes and counts of the instructions, for weights of every count up to two blocks") {
  for (const Dtype dtype : kFused)
    for (size_t count = 0; count <= 2 * kBlockElements; count += count < 70 ? 1 : 61)
      check_alike(weights(dtype, count), dtype);
}

TEST_CASE("a fused loop says of every place that a value is not finite there") {
  constexpr size_t kCount = 39;  // whole vectors and a rest on every ISA
  struct Special {
    Dtype dtype;
    std::vector<uint32_t> codes;
  };
  // Inf and NaN.
  const std::vector<Special> specials = {
      {Dtype::F16, {0x7c00, 0xfe00}}, {Dtype::BF16, {0x7f80, 0xffc0}}, {Dtype::F32, {0x7f800000, 0xffc00000}}};
  for (const BlockKernels* kernels : available_kernels())
    for (const Special& special : specials) {
      const size_t size = element_size(special.dtype);
      Bytes out(kCount * size);
      for (const bool mix : {true, false}) {
        CHECK(fused(*kernels, mix, weights(special.dtype, kCount), special.dtype, out));
        for (const uint32_t code : special.codes)
          for (size_t at = 0; at < kCount; ++at) {
            std::vector<Bytes> inputs = weights(special.dtype, kCount);
            std::memcpy(&inputs[1][at * size], &code, size);
            INFO(kernels->isa << " " << info(special.dtype).name << " " << code << " at " << at);
            CHECK_FALSE(fused(*kernels, mix, inputs, special.dtype, out));
          }
      }
    }
}

TEST_CASE("a fused loop says of every place that a value other than zero is stored as zero") {
  constexpr size_t kCount = 39;
  for (const BlockKernels* kernels : available_kernels())
    for (const Dtype dtype : {Dtype::F16, Dtype::BF16})
      for (size_t at = 0; at < kCount; ++at) {
        std::vector<Bytes> inputs = weights(dtype, kCount);
        Bytes out(kCount * 2);
        const uint16_t smallest = 1, zero = 0;
        std::memcpy(&inputs[0][at * 2], &smallest, 2);
        std::memcpy(&inputs[1][at * 2], &zero, 2);
        INFO(kernels->isa << " " << info(dtype).name << " at " << at);
        CHECK_FALSE(fused(*kernels, true, inputs, dtype, out));  // 0.3 of it
        std::memcpy(&inputs[0][at * 2], &zero, 2);
        CHECK(fused(*kernels, true, inputs, dtype, out));
      }
}

}  // namespace ckmerge
