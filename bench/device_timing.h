// SPDX-License-Identifier: Apache-2.0
// What benchmarks of a device share: checked calls, memory, medians of timed work, and the yardsticks that every figure
// is held against: copies within the device, and pinned copies over the bus.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "kernels/cuda/runtime.h"

namespace ckmerge::bench {

/// The device that benchmarks run on, and its calls. Ends the program with a sentence where a call fails.
class TimedDevice {
 public:
  explicit TimedDevice(const cuda::Runtime& runtime);
  TimedDevice(const TimedDevice&) = delete;

  const cuda::Runtime& runtime() const { return runtime_; }
  const cuda::DeviceInfo& info() const { return info_; }

  void* allocate(uint64_t size) const;
  void check(cuda::Status status, const char* doing) const;

  /// Median seconds of `rounds` rounds of work that is put into a stream, after two that do not count.
  double seconds(const std::function<void(void* stream)>& work, unsigned rounds = 15) const;

  struct BusRates {
    double in = 0, out = 0;    ///< bytes a second, one way at a time
    double in_beside_out = 0;  ///< while as many bytes go out
  };
  BusRates bus_rates() const;
  /// Bytes a second, read and written counted.
  double copy_rate() const;

 private:
  const cuda::Runtime& runtime_;
  cuda::DeviceInfo info_;
  void* stream_ = nullptr;
  void* begin_ = nullptr;
  void* end_ = nullptr;
};

/// The first device; null, with a line that says why, where there is none.
const cuda::Runtime* runtime_with_device();

/// "12.3"
std::string gigabytes(double bytes_per_second);

}  // namespace ckmerge::bench
