// SPDX-License-Identifier: Apache-2.0
#include "core/device/device_job.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

using namespace ckmerge;

namespace {

struct Input {
  explicit Input(size_t size) : bytes(size + 64) {
    begin = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(bytes.data()) + 63) / 64 * 64);
    span = {begin, size};
  }
  std::vector<std::byte> bytes;
  std::byte* begin;
  std::span<std::byte> span;

  template <typename T>
  T at(uint64_t offset) const {
    T value;
    std::memcpy(&value, begin + offset, sizeof value);
    return value;
  }
};

Program mix() {
  return {.result = 0,
          .code = {{.op = Op::load, .dst = 0, .operand = 0},
                   {.op = Op::load, .dst = 1, .operand = 1},
                   {.op = Op::mix, .dst = 0, .a = 0, .b = 1, .k0 = 0.7, .k1 = 0.3}}};
}

// As many as the largest operand of these tests has: 20,000 of 4 bytes.
const std::vector<unsigned char>& zeros() {
  static const std::vector<unsigned char> bytes(1 << 17);
  return bytes;
}

Operand of(Dtype dtype) { return {.data = zeros().data() + 1, .dtype = dtype}; }

}  // namespace

TEST_CASE("vectors of operands and output are aligned, wherever in the tile the part lies and whatever the dtypes") {
  for (const Dtype a : {Dtype::BF16, Dtype::F32, Dtype::F8_E4M3})
    for (const Dtype out : {Dtype::BF16, Dtype::F32, Dtype::F8_E5M2, Dtype::F64})
      for (uint64_t at = 0; at < 40 * element_size(out); at += element_size(out)) {
        Input input(1 << 20);
        DeviceJob job(input.span);
        const Operand operands[] = {of(a), of(Dtype::F16)};
        REQUIRE(job.add_part(0, cuda::tile_program(mix()), operands, 1000, at, out));
        job.finish();
        const auto launches = job.launches(input.begin, nullptr);
        REQUIRE(launches.size() == 1);
        const auto part = input.at<cuda::JobPart>(launches[0].parts);
        const uint32_t vector = cuda::shape_of(launches[0].kernel).vector;
        CHECK(part.shift < vector);
        const auto aligned = [&](int64_t offset, Dtype dtype) {
          const auto size = static_cast<int64_t>(element_size(dtype));
          return (offset - part.shift * size) % std::min<int64_t>(16, vector * size) == 0;
        };
        CHECK(aligned(static_cast<int64_t>(part.out), out));
        for (uint32_t k = 0; k < 2; ++k) {
          const auto operand =
              input.at<cuda::JobOperand>(launches[0].operands + (part.first_operand + k) * sizeof(cuda::JobOperand));
          CHECK(operand.dtype == operands[k].dtype);
          CHECK(aligned(operand.offset, operand.dtype));
        }
      }
}

TEST_CASE("a full job takes nothing more, and what it has stays inside its memory") {
  Input input(8192);
  DeviceJob job(input.span);
  const Operand operands[] = {of(Dtype::F32), of(Dtype::F32)};
  const cuda::TileProgram program = cuda::tile_program(mix());
  uint32_t added = 0;
  while (job.add_part(added, program, operands, 100, added * 400, Dtype::F32)) ++added;
  CHECK(added >= 5);
  CHECK(added < 10);
  job.finish();
  CHECK(job.used() <= 8192);
  REQUIRE(job.outputs().size() == 1);
  CHECK(job.outputs()[0].end == added * 400);
  job.clear();
  CHECK(job.empty());
  CHECK(job.add_part(0, program, operands, 100, 0, Dtype::F32));
}

TEST_CASE("parts of different kernels are launched apart, and outputs that do not touch are copied apart") {
  Input input(1 << 20);
  DeviceJob job(input.span);
  const cuda::TileProgram program = cuda::tile_program(mix());
  const Operand alike[] = {of(Dtype::F32), of(Dtype::F32)}, mixed[] = {of(Dtype::F32), of(Dtype::BF16)};
  REQUIRE(job.add_part(7, program, alike, 600, 0, Dtype::F32));
  REQUIRE(job.add_part(8, program, mixed, 600, 2400, Dtype::F32));
  REQUIRE(job.add_part(9, program, alike, 20000, 9000, Dtype::F32));
  job.finish();
  const auto launches = job.launches(input.begin, nullptr);
  REQUIRE(launches.size() == 2);
  CHECK(launches[0].kernel == cuda::Kernel::fused_f32);
  CHECK(launches[0].part_count == 2);
  CHECK(launches[0].blocks == 1 + 3);
  CHECK(launches[1].kernel == cuda::Kernel::mixed32);
  const auto outputs = job.outputs();
  REQUIRE(outputs.size() == 2);
  CHECK(outputs[0].end == 4800);
  CHECK(outputs[1].begin == 9000);
  const auto counts = job.counts();  // in the order of the launches, each with its step
  REQUIRE(counts.size() == 3);
  CHECK(counts[0].step == 7);
  CHECK(counts[1].step == 9);
  CHECK(counts[2].step == 8);
}
