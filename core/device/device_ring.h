// SPDX-License-Identifier: Apache-2.0
// The slots of all devices of a run, handed out in turn, so that several tiles are on their way at once and two devices
// get every other tile. Their memory on a device is one allocation, because a driver hands out 2 MiB at least. Also the
// one place that knows whether the devices still work.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/device/device_slot.h"
#include "io/text/error.h"

namespace ckmerge {

class DeviceRing {
 public:
  struct Options {
    SlotSizes sizes;
    unsigned slots = 1;     ///< in all, one for every device at least
    bool required = false;  ///< a fault ends the run, instead of leaving the rest to the CPU
  };
  /// Opens the devices. Throws Error(resources).
  DeviceRing(const cuda::Runtime& runtime, std::span<const int> devices, const Options& options);
  DeviceRing(const DeviceRing&) = delete;
  DeviceRing& operator=(const DeviceRing&) = delete;

  /// A slot that nobody else uses, its job empty, until the lease ends: that which has been free for longest. Waits for
  /// one. Whoever has one waits for its device and for the semaphore, nothing else. When the lease ends nothing is in
  /// flight.
  class Lease {
   public:
    explicit Lease(DeviceRing& ring) : ring_(ring), slot_(ring.take()) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { ring_.give_back(slot_); }
    DeviceSlot& slot() const { return slot_; }

   private:
    DeviceRing& ring_;
    DeviceSlot& slot_;
  };

  /// False once something failed.
  bool working() const { return working_; }
  /// Takes a device's fault: the CPU has to do what was asked of it. Throws `error` where devices are required.
  void take_fault(const Error& error);
  /// The first fault's sentence; empty where there was none.
  std::string fault() const;

  const Device& first() const { return *devices_.front(); }
  std::span<const std::unique_ptr<Device>> devices() const { return devices_; }
  size_t slots() const { return slots_.size(); }

  void count_batch() { ++batches_; }
  uint64_t batches() const { return batches_; }  ///< jobs that devices have done

 private:
  DeviceSlot& take();
  void give_back(DeviceSlot& slot);

  const bool required_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<std::unique_ptr<DeviceResource>> memory_;  // of each device, for its slots
  std::vector<std::unique_ptr<DeviceSlot>> slots_;
  std::atomic<bool> working_{true};
  std::atomic<uint64_t> batches_{0};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable given_back_;
  std::deque<DeviceSlot*> free_;
  std::string fault_;
};

}  // namespace ckmerge
