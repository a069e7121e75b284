// SPDX-License-Identifier: Apache-2.0
// From what the user said about devices and what this machine has to the devices of a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/device_options.h"
#include "core/plan.h"

namespace ckmerge {

struct DeviceSetup {
  const cuda::Runtime* runtime = nullptr;
  std::vector<int> devices = {};  ///< empty: the CPU does it all
  uint64_t memory = 0;            ///< bytes that may be taken on each
  bool required = false;          ///< a fault ends the run
  bool measured = false;          ///< they get tiles only if they turn out to be faster
  std::string reason = {};        ///< why there are none
};

/// Shorter outputs are merged before a measurement would have paid.
inline constexpr uint64_t kLeastMeasured = 2ull << 30;

/// Throws Error(resources) where devices are required and cannot be had. Without need of devices (a short merge, one
/// that only copies) the CUDA runtime is not even started.
DeviceSetup set_up_devices(const DeviceOptions& options, const Plan& plan);

}  // namespace ckmerge
