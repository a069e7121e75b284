// SPDX-License-Identifier: Apache-2.0
#include "bench/device_timing.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace ckmerge::bench {
namespace {

constexpr uint64_t kPinned = uint64_t{256} << 20;  // of one copy over the bus
constexpr uint64_t kOnDevice = uint64_t{1} << 30;  // of one copy within the device at most: many times its L2

}  // namespace

TimedDevice::TimedDevice(const cuda::Runtime& runtime) : runtime_(runtime) {
  check(runtime.use_device(0), "choosing the device");
  check(runtime.device_info(0, &info_), "asking for its memory");
  check(runtime.create_stream(&stream_), "creating a stream");
  check(runtime.create_event(&begin_, true), "creating an event");
  check(runtime.create_event(&end_, true), "creating an event");
}

void TimedDevice::check(cuda::Status status, const char* doing) const {
  if (status == 0) return;
  std::fprintf(stderr, "%s failed: %s\n", doing, runtime_.message(status));
  std::exit(1);
}

void* TimedDevice::allocate(uint64_t size) const {
  void* memory = nullptr;
  check(runtime_.allocate(&memory, size), "allocating memory on the device");
  return memory;
}

double TimedDevice::seconds(const std::function<void(void*)>& work, unsigned rounds) const {
  std::vector<float> times;
  for (unsigned k = 0; k < rounds + 2; ++k) {
    check(runtime_.record(begin_, stream_), "recording an event");
    work(stream_);
    check(runtime_.record(end_, stream_), "recording an event");
    check(runtime_.synchronize(end_), "waiting for the device");
    float milliseconds = 0;
    check(runtime_.elapsed(&milliseconds, begin_, end_), "timing");
    if (k >= 2) times.push_back(milliseconds);
  }
  std::ranges::nth_element(times, times.begin() + rounds / 2);
  return times[rounds / 2] / 1e3;
}

TimedDevice::BusRates TimedDevice::bus_rates() const {
  const auto pinned = [this] {
    void* memory = std::aligned_alloc(4096, kPinned);
    std::memset(memory, 1, kPinned);
    check(runtime_.pin(memory, kPinned), "pinning memory");
    return memory;
  };
  void *const from = pinned(), *const to = pinned();
  void *const device_in = allocate(kPinned), *const device_out = allocate(kPinned);
  void *beside = nullptr, *begun = nullptr, *done = nullptr;
  check(runtime_.create_stream(&beside), "creating a stream");
  check(runtime_.create_event(&begun, false), "creating an event");
  check(runtime_.create_event(&done, false), "creating an event");
  const auto in = [&](void* s) { check(runtime_.copy_in(device_in, from, kPinned, s), "copying to the device"); };
  const auto out = [&](void* s) { check(runtime_.copy_out(to, device_out, kPinned, s), "copying from the device"); };
  const auto both = [&](void* s) {
    check(runtime_.record(begun, s), "recording an event");
    check(runtime_.wait_for(beside, begun), "waiting");
    out(beside);
    check(runtime_.record(done, beside), "recording an event");
    in(s);
    check(runtime_.wait_for(s, done), "waiting");
  };
  const double bytes = kPinned;
  const BusRates rates{.in = bytes / seconds(in), .out = bytes / seconds(out), .in_beside_out = bytes / seconds(both)};
  for (void* memory : {from, to}) {
    check(runtime_.unpin(memory), "unpinning memory");
    std::free(memory);
  }
  for (void* memory : {device_in, device_out}) check(runtime_.release(memory), "giving memory back");
  return rates;
}

double TimedDevice::copy_rate() const {
  const uint64_t size = std::min(kOnDevice, info_.free / 4);
  void *const from = allocate(size), *const to = allocate(size);
  const double time =
      seconds([&](void* stream) { check(runtime_.copy_within(to, from, size, stream), "copying within the device"); });
  check(runtime_.release(from), "giving memory back");
  check(runtime_.release(to), "giving memory back");
  return 2.0 * static_cast<double>(size) / time;
}

const cuda::Runtime* runtime_with_device() {
  const cuda::Runtime* const runtime = cuda::runtime();
  int count = 0;
  const cuda::Status status = runtime ? runtime->device_count(&count) : 0;
  if (runtime && status == 0 && count > 0) return runtime;
  std::printf("NOT RUN: the benchmarks of the device (%s)\n", !runtime ? "built without CUDA"
                                                              : status ? runtime->message(status)
                                                                       : "no device");
  return nullptr;
}

std::string gigabytes(double bytes_per_second) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", bytes_per_second / 1e9);
  return text;
}

}  // namespace ckmerge::bench
