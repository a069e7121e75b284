// SPDX-License-Identifier: Apache-2.0
#include "cli/report/device_text.h"

#include "cli/system/text.h"
#include "core/device/device_setup.h"

namespace ckmerge::cli {

std::string planned_device_text(const DeviceOptions& options) {
  if (options.choice == DeviceChoice::automatic) return "auto: decided by measurement at run time";
  if (options.choice == DeviceChoice::cpu) return "cpu";
  std::string text = "cuda:";
  for (size_t k = 0; k < options.devices.size(); ++k) text += (k ? "," : "") + std::to_string(options.devices[k]);
  return options.devices.empty() ? "cuda:0" : text;
}

std::string beyond_devices_text(const DeviceOptions& options, const Plan& plan) {
  const uint64_t beyond = options.choice == DeviceChoice::cpu ? 0 : steps_beyond_devices(plan);
  if (beyond == 0) return "";
  return ", but the CPU for " + counted(beyond, "tensor") + ", which " + (beyond == 1 ? "needs" : "need") +
         " more values at a time than a device holds";
}

std::string device_text(const DeviceReport& report) {
  std::string text = report.used + ": " + report.reason;
  if (report.slots > 0)
    text += "; " + counted(report.batches, "job") + " on devices, " + counted(report.slots, "tile") +
            " on their way at once";
  return text;
}

std::string device_warning(const DeviceReport& report) {
  if (report.ignored) return "--device cuda: no device was used: " + report.reason;
  return report.fault.empty() ? "" : report.fault + "; the CPU did the rest";
}

}  // namespace ckmerge::cli
