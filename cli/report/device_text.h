// SPDX-License-Identifier: Apache-2.0
// What people read about devices.
#pragma once

#include <string>

#include "core/device/device_options.h"
#include "core/device/device_report.h"
#include "core/plan/plan.h"

namespace ckmerge::cli {

/// What a plan says: "cpu", "cuda:0", "auto: decided by measurement at run time".
std::string planned_device_text(const DeviceOptions& options);

/// How many tensors are the CPU's whatever device there is, a clause for behind the device; empty where none is or no
/// device was asked for.
std::string beyond_devices_text(const DeviceOptions& options, const Plan& plan);

/// What -v says: "cuda:0 (NVIDIA H200): it was asked for; 33 jobs, 8 tiles on their way at once".
std::string device_text(const DeviceReport& report);

/// A warning's sentence; empty where no device failed and none was asked for in vain.
std::string device_warning(const DeviceReport& report);

}  // namespace ckmerge::cli
