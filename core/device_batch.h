// SPDX-License-Identifier: Apache-2.0
// One batch of a tile on its way through a device: the worker's slot, what was sent to it, and what came back. When it
// ends, however it ends, nothing of it is in flight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <semaphore>
#include <span>

#include "core/device_ring.h"
#include "core/findings.h"
#include "core/permit.h"
#include "kernels/cuda/tile_program.h"
#include "kernels/program.h"

namespace ckmerge {

class DeviceBatch {
 public:
  /// Waits for a slot and then for a permit to fill it. Output comes back to `out`, which is pinned.
  DeviceBatch(DeviceRing& ring, std::counting_semaphore<>& permits, std::byte* out)
      : ring_(ring), lease_(ring), permit_(permits), out_(out) {}

  /// Sends elements [0, count) of a step, to be stored at `out`. False where the CPU has to do it: it is larger than a
  /// whole slot. Throws Error(resources).
  bool add(uint32_t step, const cuda::TileProgram& program, std::span<const Operand> operands, uint64_t count,
           std::byte* out, Dtype dtype);

  /// Waits for all that was sent. Throws Error(resources).
  void finish();

  const Findings& findings() const { return findings_; }

 private:
  DeviceRing& ring_;
  const DeviceRing::Lease lease_;
  Permit permit_;
  std::byte* const out_;
  Findings findings_;
};

}  // namespace ckmerge
