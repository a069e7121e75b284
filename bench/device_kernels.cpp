// SPDX-License-Identifier: Apache-2.0
// The device's kernels, method by method and dtype by dtype, on data many times larger than its L2, against the
// device's own copy in the same run. Prints rows of bench/README.md's GPU table. Needs kernels/ alone to be built.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "bench/device_timing.h"
#include "kernels/cuda/tile_program.h"
#include "kernels/formula.h"
#include "kernels/method.h"
#include "kernels/reductions.h"

namespace {

using namespace ckmerge;
using bench::TimedDevice;

// Each operand; a card with less memory gets less, as long as it is many times the L2 of any card.
constexpr uint64_t kMostOperandBytes = uint64_t{1} << 30, kLeastOperandBytes = uint64_t{256} << 20;
constexpr uint64_t kTableBytes = 1 << 20;
constexpr double kBar = 0.85;

// Of six buffers of this size, and of the copy's two before them; the rest of the memory is for others.
uint64_t operand_bytes(const cuda::DeviceInfo& device) {
  return std::min(kMostOperandBytes, device.free / 7 >> 24 << 24);
}

// Weights of realistic scale: with NaN and overflow, the slow path would be measured.
std::vector<unsigned char> weights(Dtype dtype) {
  std::vector<unsigned char> bytes(kBlockElements * element_size(dtype));
  float block[kBlockElements];
  for (size_t i = 0; i < kBlockElements; ++i) block[i] = (static_cast<float>(i * 7919 % 509) - 254.0f) * 0.0004f;
  StoreCounts counts;
  available_kernels().begin()[0]->store32[static_cast<size_t>(dtype)](block, bytes.data(), kBlockElements, &counts);
  return bytes;
}

class KernelBench {
 public:
  KernelBench(const TimedDevice& device, uint64_t operand_bytes)
      : device_(device),
        operand_bytes_(operand_bytes),
        tables_at_(4 * operand_bytes),
        in_(static_cast<unsigned char*>(device.allocate(tables_at_ + kTableBytes))),
        out_(static_cast<unsigned char*>(device.allocate(2 * operand_bytes))) {}

  uint64_t operand_bytes() const { return operand_bytes_; }

  void fill(Dtype dtype) {
    const std::vector<unsigned char> block = weights(dtype);
    std::vector<unsigned char> large(uint64_t{16} << 20);
    for (size_t at = 0; at < large.size(); at += block.size()) std::memcpy(&large[at], block.data(), block.size());
    for (uint64_t at = 0; at < tables_at_; at += large.size()) send(large.data(), large.size(), at);
  }

  // Seconds of one launch over operands of `operand_bytes` each.
  double seconds(const cuda::TileProgram& program, size_t inputs, Dtype dtype, uint64_t count) {
    std::vector<cuda::JobOperand> operands(inputs);
    for (size_t k = 0; k < inputs; ++k)
      operands[k] = {.offset = static_cast<int64_t>(k * operand_bytes_), .dtype = dtype};
    const cuda::Kernel kernel = cuda::kernel_for(program, operands, dtype);
    const cuda::JobPart part{.count = count,
                             .k0 = program.k0,
                             .k1 = program.k1,
                             .instruction_count = static_cast<uint32_t>(program.code.size()),
                             .dtype = dtype,
                             .shape = program.shape,
                             .result = program.result};
    cuda::Launch launch = tables(operands, program.code, &part, sizeof part);
    launch.kernel = kernel;
    launch.part_count = 1;
    launch.blocks = cuda::blocks_of(kernel, count, 0);
    return time(launch);
  }

  // Seconds of one launch of the three sums of slerp over `count` elements, each sum with lanes of its own.
  double sum_seconds(Dtype dtype, uint64_t count) {
    const std::vector<cuda::JobOperand> operands = {{.offset = 0, .dtype = dtype},
                                                    {.offset = static_cast<int64_t>(operand_bytes_), .dtype = dtype}};
    constexpr uint32_t kPairs[][2] = {{0, 0}, {0, 1}, {1, 1}};
    std::vector<cuda::JobSum> sums;
    uint64_t lanes = tables_at_ + kTableBytes / 2;
    for (uint64_t at = 0; at < count; at += kReductionBlock)
      for (const auto& [x, y] : kPairs) {
        sums.push_back({.x = x, .y = y, .first = at, .count = std::min(kReductionBlock, count - at), .lanes = lanes});
        lanes += sizeof(LaneSums);
      }
    cuda::Launch launch = tables(operands, {}, sums.data(), sums.size() * sizeof(cuda::JobSum));
    launch.kernel = dtype == Dtype::F64 ? cuda::Kernel::sum64 : cuda::Kernel::sum32;
    launch.part_count = static_cast<uint32_t>(sums.size());
    launch.blocks = (launch.part_count + cuda::kSumsPerBlock - 1) / cuda::kSumsPerBlock;
    return time(launch);
  }

 private:
  void send(const void* bytes, uint64_t size, uint64_t at) {
    if (size == 0) return;
    void* stream = nullptr;
    device_.check(device_.runtime().create_stream(&stream), "creating a stream");
    device_.check(device_.runtime().copy_in(in_ + at, bytes, size, stream), "copying to the device");
    device_.check(device_.runtime().drain(stream), "copying to the device");
    device_.check(device_.runtime().destroy_stream(stream), "giving a stream back");
  }

  cuda::Launch tables(const std::vector<cuda::JobOperand>& operands, const std::vector<cuda::JobInstruction>& code,
                      const void* parts, uint64_t parts_size) {
    cuda::Launch launch{.in = in_,
                        .out = out_,
                        .parts = tables_at_ + 8192,
                        .operands = tables_at_,
                        .instructions = tables_at_ + 1024,
                        .counts = tables_at_ + 4096};
    const StoreCounts none;
    send(operands.data(), operands.size() * sizeof operands[0], launch.operands);
    send(code.data(), code.size() * sizeof(cuda::JobInstruction), launch.instructions);
    send(&none, sizeof none, launch.counts);
    send(parts, parts_size, launch.parts);
    return launch;
  }

  double time(const cuda::Launch& launch) {
    return device_.seconds(
        [&](void* stream) { device_.check(device_.runtime().launch(launch, stream), "starting a kernel"); });
  }

  const TimedDevice& device_;
  const uint64_t operand_bytes_, tables_at_;
  unsigned char *in_, *out_;
};

void print_row(const std::string& what, Dtype dtype, double rate, double copy, bool barred) {
  std::printf("| %s | %s | %s | %.2f | %s |\n", what.c_str(), info(dtype).name, bench::gigabytes(rate).c_str(),
              rate / copy,
              !barred               ? ""
              : rate >= kBar * copy ? "met"
                                    : "**UNMET**");
}

void bench_method(KernelBench& kernels, const Method& method, Dtype dtype, double copy) {
  const size_t inputs = method.spec->max_inputs ? method.spec->max_inputs : 3;
  std::vector<double> coefficients(method.coefficient_count(inputs));
  for (size_t k = 0; k < coefficients.size(); ++k) coefficients[k] = 0.3 - 0.1 * static_cast<double>(k);
  const Dtype compute = dtype == Dtype::F64 ? Dtype::F64 : Dtype::F32;
  const Tracing tracing(compute, inputs, coefficients);
  const Symbol result = method.trace(tracing);
  Program program{.compute = compute, .code = {{.op = Op::load}}};
  if (!bare_operand(result)) program = *compile(result);
  const uint64_t bytes = kernels.operand_bytes(), count = bytes / element_size(dtype);
  const double seconds = kernels.seconds(cuda::tile_program(program), inputs, dtype, count);
  const std::string name = method.spec->name;
  const bool barred =
      (name == "weighted_sum" || name == "add_difference") && (dtype == Dtype::BF16 || dtype == Dtype::F16);
  print_row(name + ", " + std::to_string(inputs) + " inputs", dtype,
            static_cast<double>((inputs + 1) * bytes) / seconds, copy, barred);
}

// What a run launches: the sums of one tile, from operands of this many bytes each.
void bench_sums(KernelBench& kernels, Dtype dtype, double copy) {
  for (const uint64_t mebibytes : {2, 8, 64}) {
    const uint64_t bytes = mebibytes << 20;
    const double seconds = kernels.sum_seconds(dtype, bytes / element_size(dtype));
    print_row("sums of slerp, a tile of " + std::to_string(mebibytes) + " MiB", dtype,
              2 * static_cast<double>(bytes) / seconds, copy, false);
  }
}

}  // namespace

int main() {
  const cuda::Runtime* const runtime = bench::runtime_with_device();
  if (!runtime) return 77;
  const TimedDevice device(*runtime);
  const uint64_t bytes = operand_bytes(device.info());
  if (bytes < kLeastOperandBytes) {
    std::printf("NOT RUN: the rates of the device's kernels (%llu bytes of its memory are free)\n",
                static_cast<unsigned long long>(device.info().free));
    return 77;
  }
  const double copy = device.copy_rate();
  const TimedDevice::BusRates bus = device.bus_rates();
  std::printf(
      "Copy within the device %s GB/s, read and written. Pinned copies: %s GB/s in, %s out, %s each way at once.\n\n",
      bench::gigabytes(copy).c_str(), bench::gigabytes(bus.in).c_str(), bench::gigabytes(bus.out).c_str(),
      bench::gigabytes(bus.in_beside_out).c_str());
  std::printf("| kernel | dtype | GB/s | of the copy | at least %.2f |\n| --- | --- | --- | --- | --- |\n", kBar);
  KernelBench kernels(device, bytes);
  for (const Dtype dtype : {Dtype::BF16, Dtype::F16, Dtype::F32, Dtype::F8_E4M3, Dtype::F8_E5M2, Dtype::F64}) {
    kernels.fill(dtype);
    for (const Method& method : methods())
      if (method.trace) bench_method(kernels, method, dtype, copy);
    bench_sums(kernels, dtype, copy);
  }
  return 0;
}
