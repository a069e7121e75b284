// SPDX-License-Identifier: Apache-2.0
// What is said about devices after a run.
#pragma once

#include <cstdint>
#include <string>

namespace ckmerge {

/// Who computed, and why.
struct DeviceReport {
  std::string used = "cpu";  ///< or the devices: "cuda:0 (NVIDIA H200)"
  std::string reason = {};   ///< one clause: why these
  std::string fault = {};    ///< of a device, after which the CPU did the rest; empty = none
  bool ignored = false;      ///< devices were required, and this merge is not for them
  uint64_t batches = 0;      ///< jobs that devices did
  unsigned slots = 0;        ///< tiles that may be on their way through devices at once
};

}  // namespace ckmerge
