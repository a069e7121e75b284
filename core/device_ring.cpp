// SPDX-License-Identifier: Apache-2.0
#include "core/device_ring.h"

#include <algorithm>

namespace ckmerge {

DeviceRing::DeviceRing(const cuda::Runtime& runtime, std::span<const int> devices, const Options& options)
    : required_(options.required) {
  for (const int index : devices) devices_.push_back(std::make_unique<Device>(runtime, index));
  const size_t slots = std::max<size_t>(options.slots, devices_.size());
  for (size_t k = 0; k < slots; ++k) {
    const Device& device = *devices_[k % devices_.size()];
    slots_.push_back(std::make_unique<DeviceSlot>(device, options.sizes));
    free_.push_back(slots_.back().get());
  }
}

// A worker that failed may have left copies behind.
DeviceRing::~DeviceRing() {
  for (const auto& device : devices_) device->drain();
}

DeviceSlot& DeviceRing::take() {
  std::unique_lock lock(mutex_);
  given_back_.wait(lock, [this] { return !free_.empty(); });
  DeviceSlot* const slot = free_.front();
  free_.pop_front();
  slot->job().clear();
  return *slot;
}

void DeviceRing::give_back(DeviceSlot& slot) {
  {
    std::lock_guard lock(mutex_);
    free_.push_back(&slot);
  }
  given_back_.notify_one();
}

void DeviceRing::take_fault(const Error& error, const DeviceSlot* slot) {
  working_ = false;
  if (slot) slot->device().drain();
  std::lock_guard lock(mutex_);
  if (required_) throw error;
  if (fault_.empty()) fault_ = error.what();
}

std::string DeviceRing::fault() const {
  std::lock_guard lock(mutex_);
  return fault_;
}

}  // namespace ckmerge
