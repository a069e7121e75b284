// SPDX-License-Identifier: Apache-2.0
// Which devices this machine has for ckmerge, for those who ask without wanting to use one.
#pragma once

#include <string>
#include <vector>

#include "kernels/cuda/runtime.h"

namespace ckmerge {

struct DeviceList {
  std::vector<cuda::DeviceInfo> devices = {};
  std::string reason = {};  ///< why there are none
};

/// How many devices there are; 0 with a clause in `reason` where none can be used. Null for `runtime`: this program was
/// built without CUDA.
int count_devices(const cuda::Runtime* runtime, std::string& reason);

/// Asks every device, which starts something on each: for those who only want to know.
DeviceList list_devices(const cuda::Runtime* runtime = cuda::runtime());

}  // namespace ckmerge
