// SPDX-License-Identifier: Apache-2.0
// One batch of a tile on its way through a device: the worker's slot, what was sent to it, and what came back. When it
// ends, however it ends, nothing of it is in flight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/device/device_ring.h"
#include "core/plan/step_report.h"
#include "core/threads/semaphore.h"
#include "core/threads/semaphore_lock.h"
#include "kernels/cuda/tile_program.h"
#include "kernels/program.h"

namespace ckmerge {

class DeviceBatch {
 public:
  /// Waits for a slot and then for the semaphore of those who compute. Output comes back to `out`, which is pinned.
  DeviceBatch(DeviceRing& ring, Semaphore& semaphore, std::byte* out)
      : ring_(ring), lease_(ring), computing_(semaphore), out_(out) {}

  /// Sends elements [0, count) of a step, to be stored at `out`; element 0 is the tensor's `place`. False where the CPU
  /// has to do it: it is larger than a whole slot. Throws Error(resources).
  bool add(uint32_t step, const cuda::TileProgram& program, std::span<const Operand> operands, uint64_t count,
           std::byte* out, Dtype dtype, uint64_t place);

  /// Waits for all that was sent. Throws Error(resources).
  void finish();

  const StepReport& step_report() const { return step_report_; }

 private:
  DeviceRing& ring_;
  const DeviceRing::Lease lease_;
  SemaphoreLock computing_;
  std::byte* const out_;
  StepReport step_report_;
};

}  // namespace ckmerge
