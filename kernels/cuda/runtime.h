// SPDX-License-Identifier: Apache-2.0
// The calls that a device backend consists of, as one table of functions: the CUDA runtime's, or a stand-in's where no
// device is (tests/cuda). Every call returns a status, 0 where it worked; nothing throws, nothing is printed.
// Which tiles go to which device, and what happens when a call fails, is decided in core/.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/tile_job.h"

namespace ckmerge::cuda {

using Status = int;

struct DeviceInfo {
  char name[128] = "";
  int major = 0, minor = 0;       ///< compute capability
  uint64_t memory = 0, free = 0;  ///< bytes
  int driver = 0, toolkit = 0;    ///< versions, 1000 * major + 10 * minor
};

/// Streams and events are whatever the table makes of them. A call belongs to the device that the calling thread chose
/// last with use_device().
struct Runtime {
  Status (*device_count)(int* count) = nullptr;
  Status (*use_device)(int device) = nullptr;
  Status (*device_info)(int device, DeviceInfo* info) = nullptr;  ///< fails too where no kernel can run on it
  Status (*allocate)(void** memory, size_t size) = nullptr;       ///< on the device
  Status (*release)(void* memory) = nullptr;
  Status (*pin)(void* memory, size_t size) = nullptr;  ///< host memory, whole pages: copies of it run beside the host
  Status (*unpin)(void* memory) = nullptr;
  Status (*create_stream)(void** stream) = nullptr;
  Status (*destroy_stream)(void* stream) = nullptr;
  Status (*create_event)(void** event, bool timed) = nullptr;
  Status (*destroy_event)(void* event) = nullptr;
  Status (*copy_in)(void* device, const void* host, size_t size, void* stream) = nullptr;
  Status (*copy_out)(void* host, const void* device, size_t size, void* stream) = nullptr;
  Status (*copy_within)(void* to, const void* from, size_t size, void* stream) = nullptr;  ///< on the device
  Status (*launch)(const Launch& launch, void* stream) = nullptr;
  Status (*record)(void* event, void* stream) = nullptr;
  Status (*wait_for)(void* stream, void* event) = nullptr;  ///< what follows in the stream waits
  Status (*synchronize)(void* event) = nullptr;             ///< the calling thread waits
  /// The calling thread waits for all of the stream. Whatever the status, nothing of it is in flight any more: a device
  /// that is lost has stopped.
  Status (*drain)(void* stream) = nullptr;
  Status (*elapsed)(float* milliseconds, void* begin, void* end) = nullptr;  ///< between two timed events
  const char* (*message)(Status status) = nullptr;  ///< what went wrong, in the runtime's own words
};

/// The CUDA runtime; null where this program was built without it.
const Runtime* runtime() noexcept;

}  // namespace ckmerge::cuda
