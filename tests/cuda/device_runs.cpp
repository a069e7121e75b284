// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda/device_runs.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "kernels/cuda/tile_program.h"
#include "tests/cuda/stand_in.h"

namespace ckmerge::test {
namespace {

constexpr unsigned char kUntouched = 0xa5;

// A buffer that grows, aligned so that an operand lies in it as it lies in memory.
class Buffer {
 public:
  Buffer() : bytes_(64) {}

  uint64_t append(const void* data, size_t size, size_t misalignment = 0) {
    const size_t at = (bytes_.size() + 127) / 64 * 64 + misalignment % 64;
    bytes_.resize(at + size + 64, kUntouched);
    if (size > 0) std::memcpy(bytes_.data() + at, data, size);
    return at;
  }
  template <typename T>
  uint64_t append(const std::vector<T>& rows) {
    return append(rows.data(), rows.size() * sizeof(T));
  }
  std::vector<unsigned char>& bytes() { return bytes_; }

 private:
  std::vector<unsigned char> bytes_;
};

// Copies the bytes that elements [first, first + count) of the operand lie in.
cuda::JobOperand place(Buffer& buffer, const Operand& operand, uint64_t first, uint64_t count) {
  const uint64_t size = element_size(operand.dtype);
  uint64_t begin = UINT64_MAX, end = 0;
  for (uint64_t i = first; i < first + count; ++i) {
    const uint64_t at = i / operand.inner * operand.stride + i % operand.inner * size;
    begin = std::min(begin, at);
    end = std::max(end, at + size);
  }
  if (count == 0) begin = end = 0;
  const auto* data = static_cast<const unsigned char*>(operand.data);
  const uint64_t at = buffer.append(data + begin, end - begin, reinterpret_cast<uintptr_t>(data + begin));
  return {.offset = static_cast<int64_t>(at) - static_cast<int64_t>(begin),
          .inner = operand.inner,
          .stride = operand.stride,
          .dtype = operand.dtype};
}

void check(const cuda::Runtime& runtime, cuda::Status status) {
  if (status != 0) throw std::runtime_error(runtime.message(status));
}

// Aligned to a cache line, as the device's own memory is.
struct Aligned {
  explicit Aligned(const std::vector<unsigned char>& bytes) : memory(bytes.size() + 64) {
    begin = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64;
    std::memcpy(begin, bytes.data(), bytes.size());
  }
  std::vector<unsigned char> memory;
  unsigned char* begin;
};

void run_with_host(cuda::Launch launch, std::vector<unsigned char>& in, std::vector<unsigned char>& out) {
  const Aligned device_in(in), device_out(out);
  launch.in = device_in.begin;
  launch.out = device_out.begin;
  run_on_host(launch);
  std::memcpy(in.data(), device_in.begin, in.size());
  std::memcpy(out.data(), device_out.begin, out.size());
}

void run_with_runtime(const cuda::Runtime& runtime, cuda::Launch launch, std::vector<unsigned char>& in,
                      std::vector<unsigned char>& out) {
  void *stream = nullptr, *device_in = nullptr, *device_out = nullptr;
  check(runtime, runtime.use_device(0));
  check(runtime, runtime.create_stream(&stream));
  check(runtime, runtime.allocate(&device_in, in.size()));
  check(runtime, runtime.allocate(&device_out, out.size()));
  check(runtime, runtime.copy_in(device_in, in.data(), in.size(), stream));
  check(runtime, runtime.copy_in(device_out, out.data(), out.size(), stream));
  launch.in = static_cast<unsigned char*>(device_in);
  launch.out = static_cast<unsigned char*>(device_out);
  check(runtime, runtime.launch(launch, stream));
  check(runtime, runtime.copy_out(in.data(), device_in, in.size(), stream));
  check(runtime, runtime.copy_out(out.data(), device_out, out.size(), stream));
  check(runtime, runtime.drain(stream));
  check(runtime, runtime.release(device_in));
  check(runtime, runtime.release(device_out));
  check(runtime, runtime.destroy_stream(stream));
}

void run_launch(const DeviceUnderTest& device, const cuda::Launch& launch, std::vector<unsigned char>& in,
                std::vector<unsigned char>& out) {
  if (launch.blocks == 0) return;
  if (device.runtime)
    run_with_runtime(*device.runtime, launch, in, out);
  else
    run_with_host(launch, in, out);
}

std::vector<DeviceUnderTest> found_devices() {
  std::vector<DeviceUnderTest> devices = {{"device kernels on the host", nullptr}};
  int count = 0;
  if (const cuda::Runtime* runtime = cuda::runtime(); runtime && runtime->device_count(&count) == 0 && count > 0)
    devices.push_back({"cuda", runtime});
  return devices;
}

}  // namespace

const std::vector<DeviceUnderTest>& devices_under_test() {
  static const std::vector<DeviceUnderTest> devices = found_devices();
  return devices;
}

std::vector<unsigned char> run_on(const DeviceUnderTest& device, const Program& program,
                                  const std::vector<Operand>& operands, uint64_t first, uint64_t count, Dtype out_dtype,
                                  StoreCounts& counts, size_t offset, size_t shift) {
  const cuda::TileProgram tile = cuda::tile_program(program);
  Buffer in;
  std::vector<cuda::JobOperand> rows;
  if (tile.shape == cuda::Shape::interpreted)
    for (const Operand& operand : operands) rows.push_back(place(in, operand, first, count));
  else
    for (const uint16_t k : tile.operands) rows.push_back(place(in, operands[k], first, count));
  cuda::Launch launch{.part_count = 1, .kernel = cuda::kernel_for(tile, rows, out_dtype)};
  shift %= cuda::shape_of(launch.kernel).vector;
  launch.blocks = cuda::blocks_of(launch.kernel, count, static_cast<uint32_t>(shift));
  launch.operands = in.append(rows);
  launch.instructions = in.append(tile.code);
  launch.parts = in.append(std::vector<cuda::JobPart>{{.count = count,
                                                       .out = 64 + offset,
                                                       .first = first,
                                                       .k0 = tile.k0,
                                                       .k1 = tile.k1,
                                                       .instruction_count = static_cast<uint32_t>(tile.code.size()),
                                                       .dtype = out_dtype,
                                                       .shape = tile.shape,
                                                       .result = tile.result,
                                                       .keeps_equal = tile.keeps_equal,
                                                       .shift = static_cast<uint8_t>(shift)}});
  launch.counts = in.append(std::vector<StoreCounts>{counts});
  const size_t size = count * element_size(out_dtype);
  std::vector<unsigned char> out(64 + offset + size + 64, kUntouched);
  run_launch(device, launch, in.bytes(), out);
  std::memcpy(&counts, in.bytes().data() + launch.counts, sizeof counts);
  const auto untouched = [](unsigned char byte) { return byte == kUntouched; };
  const auto from = out.begin() + static_cast<ptrdiff_t>(64 + offset), to = from + static_cast<ptrdiff_t>(size);
  if (!std::all_of(out.begin(), from, untouched) || !std::all_of(to, out.end(), untouched)) return {};
  return {from, to};
}

void add_products_on(const DeviceUnderTest& device, Dtype compute, const Operand& x, const Operand& y, uint64_t first,
                     uint64_t count, uint64_t index, LaneSums& sums) {
  Buffer in;
  const std::vector<cuda::JobOperand> rows = {place(in, x, first, count), place(in, y, first, count)};
  cuda::Launch launch{
      .part_count = 1, .blocks = 1, .kernel = compute == Dtype::F64 ? cuda::Kernel::sum64 : cuda::Kernel::sum32};
  launch.operands = in.append(rows);
  const uint64_t lanes = in.append(std::vector<LaneSums>{sums});
  launch.parts =
      in.append(std::vector<cuda::JobSum>{{.y = 1, .first = first, .count = count, .index = index, .lanes = lanes}});
  std::vector<unsigned char> out(64);
  run_launch(device, launch, in.bytes(), out);
  std::memcpy(&sums, in.bytes().data() + lanes, sizeof sums);
}

}  // namespace ckmerge::test
