// SPDX-License-Identifier: Apache-2.0
// From what the user said about devices and what this machine has to the devices of a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/device/device_options.h"
#include "core/plan/plan.h"

namespace ckmerge {

/// Under automatic, shorter outputs are merged before a measurement would have paid.
inline constexpr uint64_t kLeastMeasured = 2ull << 30;

/// Under automatic, what has to be available: the driver takes some 100 to 300 MiB of the host's memory for itself.
inline constexpr uint64_t kLeastAvailable = 2ull << 30;

/// Why the CPU does it all without a look at devices; empty where they have to be looked at. `available`: bytes of
/// memory.
std::string needless_reason(const DeviceOptions& options, const Plan& plan, uint64_t available);

/// Tensors whose programs keep more values at a time than a device has registers: the CPU computes them.
uint64_t steps_beyond_devices(const Plan& plan);

struct DeviceSetup {
  const cuda::Runtime* runtime = nullptr;
  std::vector<int> devices = {};
  uint64_t memory = 0;    ///< bytes that may be taken on each
  bool required = false;  ///< a fault ends the run
};

/// Looks at the devices that the user named, or the first. Throws Error(resources) where one cannot be had.
DeviceSetup set_up_devices(const DeviceOptions& options);

}  // namespace ckmerge
