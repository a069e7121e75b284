// SPDX-License-Identifier: Apache-2.0
// What a user may say about devices. None of it changes a byte of the output (invariant I2).
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cuda/runtime.h"

namespace ckmerge {

enum class DeviceChoice : uint8_t {
  automatic,  ///< a large merge measures the first device against the CPU and keeps the faster; faults fall back
  cpu,
  preferred,  ///< the devices named, and the CPU where there is none or it fails
  cuda,       ///< the devices named, or the run fails
};

struct DeviceOptions {
  DeviceChoice choice = DeviceChoice::automatic;
  std::vector<int> devices = {};           ///< which; empty = the first
  uint64_t memory = 0;                     ///< bytes on each device; 0 = half of what is free
  const cuda::Runtime* runtime = nullptr;  ///< null = cuda::runtime()
};

}  // namespace ckmerge
