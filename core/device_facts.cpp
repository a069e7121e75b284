// SPDX-License-Identifier: Apache-2.0
#include "core/device_facts.h"

#include "io/sentence.h"

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

DeviceFacts device_facts(const cuda::Runtime* runtime) {
  DeviceFacts facts;
  const int count = count_devices(runtime, facts.reason);
  for (int device = 0; device < count; ++device) {
    cuda::DeviceInfo info;
    if (const cuda::Status status = runtime->device_info(device, &info)) {
      facts.reason = sentence("cuda:", device, " cannot be used: ", runtime->message(status));
      break;
    }
    facts.devices.push_back(info);
  }
  return facts;
}

}  // namespace ckmerge
