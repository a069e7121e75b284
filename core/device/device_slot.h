// SPDX-License-Identifier: Apache-2.0
// The buffers that one batch of a tile at a time travels through: pinned memory, a copy of it on the device, and the
// device's side of the tile.
#pragma once

#include <cstdint>
#include <span>

#include "core/device/device.h"
#include "core/device/device_job.h"
#include "core/read/staging.h"
#include "core/read/tile_sizing.h"

namespace ckmerge {

/// Host memory that is pinned while this lives. Throws Error(resources).
class PinnedMemory {
 public:
  PinnedMemory(const Device& device, std::span<std::byte> memory);
  ~PinnedMemory() { runtime_.unpin(memory_); }
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;

 private:
  const cuda::Runtime& runtime_;
  std::byte* const memory_;
};

class DeviceSlot {
 public:
  /// `memory`: sizes.on_device() bytes of the device's, aligned to 256. Throws Error(resources).
  DeviceSlot(const Device& device, const SlotSizes& sizes, std::byte* memory);

  const Device& device() const { return device_; }
  DeviceJob& job() { return job_; }

  /// Starts the job: its input travels, its kernels run, its output travels to `out`, the host's side of the output
  /// buffer, which is pinned. Throws Error(resources); some of it may then be in flight.
  void submit(std::byte* out);
  /// Waits until the job is done: its output and its results are there. Throws Error(resources) likewise.
  void wait();
  /// Returns when nothing of the job is in flight, whether or not the device works.
  void drain() noexcept;

 private:
  void copy_in();
  void compute();
  void copy_out(std::byte* out);

  const Device& device_;
  Staging input_;
  PinnedMemory pinned_;
  DeviceJob job_;
  std::byte *const device_input_, *const device_output_;
  DeviceResource copied_in_, computed_, copied_out_;  // events
  bool in_flight_ = false;
};

}  // namespace ckmerge
