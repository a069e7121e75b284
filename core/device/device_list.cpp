// SPDX-License-Identifier: Apache-2.0
#include "core/device/device_list.h"

#include "io/text/sentence.h"

namespace ckmerge {

int count_devices(const cuda::Runtime* runtime, std::string& reason) {
  int count = 0;
  if (!runtime)
    reason = "this ckmerge was built without CUDA";
  else if (const cuda::Status status = runtime->device_count(&count))
    reason = sentence("no CUDA device can be used: ", runtime->message(status));
  else if (count == 0)
    reason = "this machine has no CUDA device";
  return reason.empty() ? count : 0;
}

DeviceList list_devices(const cuda::Runtime* runtime) {
  DeviceList found;
  const int count = count_devices(runtime, found.reason);
  for (int device = 0; device < count; ++device) {
    cuda::DeviceInfo info;
    if (const cuda::Status status = runtime->device_info(device, &info)) {
      found.reason = sentence("cuda:", device, " cannot be used: ", runtime->message(status));
      break;
    }
    found.devices.push_back(info);
  }
  return found;
}

}  // namespace ckmerge
