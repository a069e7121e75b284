// SPDX-License-Identifier: Apache-2.0
#include "core/device/device_slot.h"

namespace ckmerge {

PinnedMemory::PinnedMemory(const Device& device, std::span<std::byte> memory)
    : runtime_(device.runtime()), memory_(memory.data()) {
  device.use();
  device.check(runtime_.pin(memory_, memory.size()), "pinning memory for copies");
}

DeviceSlot::DeviceSlot(const Device& device, const SlotSizes& sizes, std::byte* memory)
    : device_(device),
      input_(sizes.input),
      pinned_(device, input_.first(sizes.input)),
      job_(input_.first(sizes.input)),
      device_input_(memory),
      device_output_(memory + sizes.input),
      copied_in_(device.runtime(), &cuda::Runtime::destroy_event),
      computed_(device.runtime(), &cuda::Runtime::destroy_event),
      copied_out_(device.runtime(), &cuda::Runtime::destroy_event) {
  for (DeviceResource* event : {&copied_in_, &computed_, &copied_out_})
    device.check(device.runtime().create_event(event->put(), false), "creating an event");
}

void DeviceSlot::submit(std::byte* out) {
  job_.finish();
  device_.use();
  in_flight_ = true;
  copy_in();
  compute();
  copy_out(out);
}

void DeviceSlot::copy_in() {
  const cuda::Runtime& runtime = device_.runtime();
  device_.check(runtime.copy_in(device_input_, job_.input(), job_.used(), device_.copies_in()),
                "copying to the device");
  device_.check(runtime.record(copied_in_.get(), device_.copies_in()), "recording an event");
}

void DeviceSlot::compute() {
  const cuda::Runtime& runtime = device_.runtime();
  device_.check(runtime.wait_for(device_.kernels(), copied_in_.get()), "waiting for a copy");
  for (const cuda::Launch& launch : job_.launches(device_input_, device_output_))
    device_.check(runtime.launch(launch, device_.kernels()), "starting a kernel");
  device_.check(runtime.record(computed_.get(), device_.kernels()), "recording an event");
}

void DeviceSlot::copy_out(std::byte* out) {
  const cuda::Runtime& runtime = device_.runtime();
  const auto copy = [&](std::byte* to, const std::byte* from, ByteRange range) {
    device_.check(runtime.copy_out(to + range.begin, from + range.begin, range.size(), device_.copies_out()),
                  "copying from the device");
  };
  device_.check(runtime.wait_for(device_.copies_out(), computed_.get()), "waiting for a kernel");
  for (const ByteRange range : job_.outputs()) copy(out, device_output_, range);
  copy(job_.input(), device_input_, job_.results());
  device_.check(runtime.record(copied_out_.get(), device_.copies_out()), "recording an event");
}

void DeviceSlot::wait() {
  device_.check(device_.runtime().synchronize(copied_out_.get()), "waiting for the device");
  in_flight_ = false;
}

void DeviceSlot::drain() noexcept {
  if (in_flight_) device_.drain();
  in_flight_ = false;
}

}  // namespace ckmerge
