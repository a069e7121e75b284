// SPDX-License-Identifier: Apache-2.0
// The device's kernels, method by method and dtype by dtype, on data many times larger than its L2, against the
// device's own copy in the same run. Prints rows of bench/README.md's GPU table. Needs kernels/ alone to be built.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "bench/device_timing.h"
#include "kernels/cuda/tile_program.h"
#include "kernels/formula.h"
#include "kernels/method.h"

namespace {

using namespace ckmerge;
using bench::TimedDevice;

constexpr uint64_t kOperandBytes = uint64_t{1} << 30;
constexpr uint64_t kTablesAt = 4 * kOperandBytes;
constexpr double kBar = 0.85;

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
  explicit KernelBench(const TimedDevice& device)
      : device_(device),
        in_(static_cast<unsigned char*>(device.allocate(kTablesAt + (1 << 20)))),
        out_(static_cast<unsigned char*>(device.allocate(2 * kOperandBytes))) {}

  void fill(Dtype dtype) {
    const std::vector<unsigned char> block = weights(dtype);
    std::vector<unsigned char> large(uint64_t{64} << 20);
    for (size_t at = 0; at < large.size(); at += block.size()) std::memcpy(&large[at], block.data(), block.size());
    for (uint64_t at = 0; at < kTablesAt; at += large.size()) send(large.data(), large.size(), at);
  }

  // Seconds of one launch over operands of `operand_bytes` each.
  double seconds(const cuda::TileProgram& program, size_t inputs, Dtype dtype, uint64_t count) {
    std::vector<cuda::JobOperand> operands(inputs);
    for (size_t k = 0; k < inputs; ++k)
      operands[k] = {.offset = static_cast<int64_t>(k * kOperandBytes), .dtype = dtype};
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

  double sum_seconds(Dtype dtype, uint64_t count) {
    const std::vector<cuda::JobOperand> operands = {{.offset = 0, .dtype = dtype},
                                                    {.offset = kOperandBytes, .dtype = dtype}};
    std::vector<cuda::JobSum> sums;
    constexpr uint64_t kBlock = 64 * 1024;
    for (uint64_t at = 0; at + kBlock <= count; at += kBlock)
      sums.push_back({.y = 1, .first = at, .count = kBlock, .lanes = kTablesAt + (512 << 10)});
    sums.resize(std::min<size_t>(sums.size(), 4096));
    cuda::Launch launch = tables(operands, {}, sums.data(), sums.size() * sizeof(cuda::JobSum));
    launch.kernel = dtype == Dtype::F64 ? cuda::Kernel::sum64 : cuda::Kernel::sum32;
    launch.part_count = static_cast<uint32_t>(sums.size());
    launch.blocks = (launch.part_count + cuda::kSumsPerBlock - 1) / cuda::kSumsPerBlock;
    return time(launch) / static_cast<double>(sums.size()) * static_cast<double>(count / kBlock);
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
                        .parts = kTablesAt + 8192,
                        .operands = kTablesAt,
                        .instructions = kTablesAt + 1024,
                        .counts = kTablesAt + 4096};
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
  const Tracing tracing(dtype == Dtype::F64 ? Dtype::F64 : Dtype::F32, inputs, coefficients);
  const Symbol result = method.trace(tracing);
  Program program{.compute = tracing.compute(), .code = {{.op = Op::load}}};
  if (!bare_operand(result)) program = *compile(result);
  const uint64_t count = kOperandBytes / element_size(dtype);
  const double seconds = kernels.seconds(cuda::tile_program(program), inputs, dtype, count);
  const std::string name = method.spec->name;
  const bool barred =
      (name == "weighted_sum" || name == "add_difference") && (dtype == Dtype::BF16 || dtype == Dtype::F16);
  print_row(name + ", " + std::to_string(inputs) + " inputs", dtype,
            (static_cast<double>(inputs) + 1) * kOperandBytes / seconds, copy, barred);
}

}  // namespace

int main() {
  const cuda::Runtime* const runtime = bench::runtime_with_device();
  if (!runtime) return 77;
  const TimedDevice device(*runtime);
  const double copy = device.copy_rate();
  const TimedDevice::BusRates bus = device.bus_rates();
  std::printf(
      "Copy within the device %s GB/s, read and written. Pinned copies: %s GB/s in, %s out, %s each way at once.\n\n",
      bench::gigabytes(copy).c_str(), bench::gigabytes(bus.in).c_str(), bench::gigabytes(bus.out).c_str(),
      bench::gigabytes(bus.in_beside_out).c_str());
  std::printf("| kernel | dtype | GB/s | of the copy | at least %.2f |\n| --- | --- | --- | --- | --- |\n", kBar);
  KernelBench kernels(device);
  for (const Dtype dtype : {Dtype::BF16, Dtype::F16, Dtype::F32, Dtype::F8_E4M3, Dtype::F8_E5M2, Dtype::F64}) {
    kernels.fill(dtype);
    for (const Method& method : methods()) bench_method(kernels, method, dtype, copy);
    const uint64_t count = kOperandBytes / element_size(dtype);
    print_row("sums of products", dtype, 2.0 * kOperandBytes / kernels.sum_seconds(dtype, count), copy, false);
  }
  return 0;
}
