// SPDX-License-Identifier: Apache-2.0
// Devices as people name and read them.
#pragma once

#include <string>
#include <string_view>

#include "cli/options/command_line.h"
#include "cli/options/faults.h"
#include "core/engine/run.h"

namespace ckmerge::cli {

/// `auto`, `cpu`, `cuda`, `cuda:0`, `cuda:0,2`. Throws Error(usage).
DeviceOptions parse_device(std::string_view word);

/// --device and --gpu-memory.
void read_device_options(const CommandLine& line, DeviceOptions& options, Faults& faults);

/// What a plan says: "cpu", "cuda:0", "auto: decided by measurement at run time".
std::string planned_device_text(const DeviceOptions& options);

/// What -v says: "cuda:0 (NVIDIA H200): it was asked for; 33 jobs, 8 tiles on their way at once".
std::string device_text(const DeviceReport& report);

/// A warning's sentence; empty where no device failed and none was asked for in vain.
std::string device_warning(const DeviceReport& report);

}  // namespace ckmerge::cli
