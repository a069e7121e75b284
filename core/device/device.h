// SPDX-License-Identifier: Apache-2.0
// One device with its three streams. Copies in, kernels and copies out have a stream each, in which the tiles of all
// slots follow each other, so that the bus is busy both ways while the device computes.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/cuda/runtime.h"

namespace ckmerge {

/// Something that the runtime made and takes back: a stream, an event, memory.
class DeviceResource {
 public:
  using TakeBack = cuda::Status (*cuda::Runtime::*)(void*);
  DeviceResource(const cuda::Runtime& runtime, TakeBack take_back) : runtime_(runtime), take_back_(take_back) {}
  ~DeviceResource() {
    if (handle_) (runtime_.*take_back_)(handle_);
  }
  DeviceResource(const DeviceResource&) = delete;
  DeviceResource& operator=(const DeviceResource&) = delete;

  void* get() const { return handle_; }
  void** put() { return &handle_; }  ///< for the call that makes it

 private:
  const cuda::Runtime& runtime_;
  const TakeBack take_back_;
  void* handle_ = nullptr;
};

/// A device that is in use. Every call is checked: what fails throws Error(resources), `where` the device ("cuda:0").
class Device {
 public:
  Device(const cuda::Runtime& runtime, int index);

  const cuda::Runtime& runtime() const { return runtime_; }
  const std::string& name() const { return name_; }  ///< "cuda:0"
  const cuda::DeviceInfo& info() const { return info_; }

  void* copies_in() const { return copies_in_.get(); }
  void* kernels() const { return kernels_.get(); }
  void* copies_out() const { return copies_out_.get(); }

  /// Makes this device the one that the calling thread's calls are for.
  void use() const;
  /// Throws when the call that was `doing` something ("copying to the device") returned a failure.
  void check(cuda::Status status, const char* doing) const;
  /// Returns when nothing is in flight any more, whether or not the device works.
  void drain() const noexcept;

 private:
  const cuda::Runtime& runtime_;
  const int index_;
  const std::string name_;
  cuda::DeviceInfo info_;
  DeviceResource copies_in_, kernels_, copies_out_;
};

}  // namespace ckmerge
