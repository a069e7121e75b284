// SPDX-License-Identifier: Apache-2.0
#include "core/device/device_ring.h"

namespace ckmerge {

DeviceRing::DeviceRing(const cuda::Runtime& runtime, std::span<const int> devices, const Options& options)
    : required_(options.required) {
  for (size_t d = 0; d < devices.size(); ++d) {
    const uint64_t slots = (options.slots + devices.size() - 1 - d) / devices.size();
    devices_.push_back(std::make_unique<Device>(runtime, devices[d]));
    memory_.push_back(std::make_unique<DeviceResource>(runtime, &cuda::Runtime::release));
    devices_[d]->check(runtime.allocate(memory_[d]->put(), slots * options.sizes.on_device()),
                       "allocating memory on the device");
  }
  for (size_t k = 0; k < options.slots; ++k) {
    const size_t d = k % devices.size();
    std::byte* const memory =
        static_cast<std::byte*>(memory_[d]->get()) + k / devices.size() * options.sizes.on_device();
    slots_.push_back(std::make_unique<DeviceSlot>(*devices_[d], options.sizes, memory));
    free_.push_back(slots_.back().get());
  }
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
  slot.drain();  // a worker that failed may have left copies behind
  {
    std::lock_guard lock(mutex_);
    free_.push_back(&slot);
  }
  given_back_.notify_one();
}

void DeviceRing::take_fault(const Error& error) {
  working_ = false;
  std::lock_guard lock(mutex_);
  if (required_) throw error;
  if (fault_.empty()) fault_ = error.what();
}

std::string DeviceRing::fault() const {
  std::lock_guard lock(mutex_);
  return fault_;
}

}  // namespace ckmerge
