// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda/stand_in.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "tests/cuda/stand_in_streams.h"

namespace ckmerge::test {
namespace {

constexpr cuda::Status kOutOfMemory = 2, kNoDevice = 100, kNotADevice = 101, kOfAnotherDevice = 400, kInjected = 999;

struct Machine {
  std::mutex mutex;  // guards what follows
  StandInSetting setting;
  StandInUse use;
  std::map<void*, std::pair<int, size_t>> memory;  // device and size
  std::map<int, uint64_t> allocated;               // by device
};
Machine& machine() {
  static Machine machine;
  return machine;
}
thread_local int current_device = 0;

// The status that the next call returns whatever it does; 0 for one that works.
cuda::Status count_call(const char* name) {
  Machine& m = machine();
  std::lock_guard lock(m.mutex);
  ++m.use.calls;
  m.use.names.push_back(name);
  const uint64_t first = m.setting.fail_call;
  const bool fails = first != 0 && (m.use.calls == first || (m.setting.stays_broken && m.use.calls > first));
  return fails ? kInjected : 0;
}

template <typename Change>
void note(const Change& change) {
  Machine& m = machine();
  std::lock_guard lock(m.mutex);
  change(m);
}

cuda::Status device_count(int* count) {
  if (const cuda::Status status = count_call("device_count")) return status;
  note([&](Machine& m) { *count = m.setting.devices; });
  return *count > 0 ? 0 : kNoDevice;
}

bool is_device(int device) {
  bool is = false;
  note([&](Machine& m) { is = device >= 0 && device < m.setting.devices; });
  return is;
}

cuda::Status use_device_of(const char* name, int device) {
  if (const cuda::Status status = count_call(name)) return status;
  if (!is_device(device)) return kNotADevice;
  current_device = device;
  return 0;
}
cuda::Status use_device(int device) { return use_device_of("use_device", device); }

cuda::Status device_info(int device, cuda::DeviceInfo* info) {
  if (const cuda::Status status = use_device_of("device_info", device)) return status;
  std::strcpy(info->name, "stand-in");
  note([&](Machine& m) {
    info->memory = m.setting.memory;
    info->free = m.setting.memory - m.allocated[device];
  });
  return 0;
}

cuda::Status allocate(void** memory, size_t size) {
  if (const cuda::Status status = count_call("allocate")) return status;
  Machine& m = machine();
  std::lock_guard lock(m.mutex);
  uint64_t& allocated = m.allocated[current_device];
  if (allocated + size > m.setting.memory) return kOutOfMemory;
  *memory = std::aligned_alloc(256, (size + 255) / 256 * 256);
  std::memset(*memory, 0xa5, size);
  m.memory[*memory] = {current_device, size};
  allocated += size;
  m.use.most_memory = std::max(m.use.most_memory, allocated);
  ++m.use.memory;
  return 0;
}

cuda::Status release(void* memory) {
  const cuda::Status status = count_call("release");
  note([&](Machine& m) {
    const auto found = m.memory.find(memory);
    m.allocated[found->second.first] -= found->second.second;
    m.memory.erase(found);
    --m.use.memory;
  });
  std::free(memory);
  return status;
}

cuda::Status pin(void*, size_t) {
  if (const cuda::Status status = count_call("pin")) return status;
  note([](Machine& m) { ++m.use.pinned; });
  return 0;
}
cuda::Status unpin(void*) {
  const cuda::Status status = count_call("unpin");
  note([](Machine& m) { --m.use.pinned; });
  return status;
}

cuda::Status create_stream(void** stream) {
  if (const cuda::Status status = count_call("create_stream")) return status;
  *stream = new StandInStream(current_device);
  note([](Machine& m) { ++m.use.streams; });
  return 0;
}
cuda::Status destroy_stream(void* stream) {
  const cuda::Status status = count_call("destroy_stream");
  delete static_cast<StandInStream*>(stream);
  note([](Machine& m) { --m.use.streams; });
  return status;
}

cuda::Status create_event(void** event, bool) {
  if (const cuda::Status status = count_call("create_event")) return status;
  *event = new StandInEvent(current_device);
  note([](Machine& m) { ++m.use.events; });
  return 0;
}
cuda::Status destroy_event(void* event) {
  const cuda::Status status = count_call("destroy_event");
  delete static_cast<StandInEvent*>(event);
  note([](Machine& m) { --m.use.events; });
  return status;
}

// What is put into a stream. The runtime takes some of it from a thread that uses another device, but not all.
cuda::Status count_call_into(const char* name, const void* stream) {
  if (const cuda::Status status = count_call(name)) return status;
  return static_cast<const StandInStream*>(stream)->device() == current_device ? 0 : kOfAnotherDevice;
}

cuda::Status copy(const char* name, void* to, const void* from, size_t size, void* stream) {
  if (const cuda::Status status = count_call_into(name, stream)) return status;
  static_cast<StandInStream*>(stream)->add([=] { std::memcpy(to, from, size); });
  return 0;
}
cuda::Status copy_in(void* device, const void* host, size_t size, void* stream) {
  return copy("copy_in", device, host, size, stream);
}
cuda::Status copy_out(void* host, const void* device, size_t size, void* stream) {
  return copy("copy_out", host, device, size, stream);
}
cuda::Status copy_within(void* to, const void* from, size_t size, void* stream) {
  return copy("copy_within", to, from, size, stream);
}

cuda::Status launch(const cuda::Launch& launch, void* stream) {
  if (const cuda::Status status = count_call_into("launch", stream)) return status;
  auto* into = static_cast<StandInStream*>(stream);
  note([&](Machine& m) {
    m.use.launches.resize(std::max<size_t>(m.use.launches.size(), static_cast<size_t>(into->device()) + 1));
    ++m.use.launches[static_cast<size_t>(into->device())];
  });
  into->add([launch] { run_on_host(launch); });
  return 0;
}

cuda::Status record(void* event, void* stream) {
  if (const cuda::Status status = count_call_into("record", stream)) return status;
  auto* recorded = static_cast<StandInEvent*>(event);
  if (recorded->device() != current_device) return kOfAnotherDevice;
  const uint64_t recording = recorded->record();
  static_cast<StandInStream*>(stream)->add([=] { recorded->reach(recording); });
  return 0;
}
cuda::Status wait_for(void* stream, void* event) {
  if (const cuda::Status status = count_call_into("wait_for", stream)) return status;
  auto* awaited = static_cast<StandInEvent*>(event);
  const uint64_t recording = awaited->recorded();
  static_cast<StandInStream*>(stream)->add([=] { awaited->wait(recording); });
  return 0;
}
cuda::Status synchronize(void* event) {
  if (const cuda::Status status = count_call("synchronize")) return status;
  auto* awaited = static_cast<StandInEvent*>(event);
  awaited->wait(awaited->recorded());
  return 0;
}
// Waits even where it fails, as runtime.h demands.
cuda::Status drain(void* stream) {
  const cuda::Status status = count_call("drain");
  static_cast<StandInStream*>(stream)->drain();
  return status;
}
cuda::Status elapsed(float* milliseconds, void*, void*) {
  *milliseconds = 1;
  return count_call("elapsed");
}

const char* message(cuda::Status status) {
  switch (status) {
    case kOutOfMemory: return "out of memory";
    case kNoDevice: return "no device";
    case kNotADevice: return "invalid device";
    case kOfAnotherDevice: return "what belongs to another device";
    default: return "injected failure";
  }
}

}  // namespace

void reset_stand_in(const StandInSetting& setting) {
  note([&](Machine& m) {
    m.setting = setting;
    m.use = {.memory = m.use.memory, .pinned = m.use.pinned, .streams = m.use.streams, .events = m.use.events};
  });
}

StandInUse stand_in_use() {
  StandInUse use;
  note([&](Machine& m) { use = m.use; });
  return use;
}

const cuda::Runtime& stand_in() {
  static const cuda::Runtime runtime = {
      .device_count = device_count,
      .use_device = use_device,
      .device_info = device_info,
      .allocate = allocate,
      .release = release,
      .pin = pin,
      .unpin = unpin,
      .create_stream = create_stream,
      .destroy_stream = destroy_stream,
      .create_event = create_event,
      .destroy_event = destroy_event,
      .copy_in = copy_in,
      .copy_out = copy_out,
      .copy_within = copy_within,
      .launch = launch,
      .record = record,
      .wait_for = wait_for,
      .synchronize = synchronize,
      .drain = drain,
      .elapsed = elapsed,
      .message = message,
  };
  return runtime;
}

}  // namespace ckmerge::test
