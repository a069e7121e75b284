// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda/stand_in.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace ckmerge::test {
namespace {

constexpr cuda::Status kOutOfMemory = 2, kNoDevice = 101, kInjected = 999;

// Tasks that run one after another on a thread of their own.
class Stream {
 public:
  explicit Stream(int device) : device_(device), thread_([this] { work(); }) {}
  ~Stream() {
    add({});
    thread_.join();
  }
  int device() const { return device_; }

  void add(std::function<void()> task) {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_one();
  }

  void drain() {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    add([&] {
      std::lock_guard lock(mutex);
      done = true;
      changed.notify_one();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !tasks_.empty(); });
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      if (!task) return;
      task();
    }
  }

  const int device_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::thread thread_;
};

// Counts its recordings; done once the stream that has the last one came to it.
class Event {
 public:
  uint64_t record() {
    std::lock_guard lock(mutex_);
    return ++recorded_;
  }
  uint64_t recorded() {
    std::lock_guard lock(mutex_);
    return recorded_;
  }
  void reach(uint64_t recording) {
    std::lock_guard lock(mutex_);
    reached_ = std::max(reached_, recording);
    changed_.notify_all();
  }
  void wait(uint64_t recording) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reached_ >= recording; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t recorded_ = 0, reached_ = 0;
};

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

cuda::Status use_device(int device) {
  if (const cuda::Status status = count_call("use_device")) return status;
  current_device = device;
  return 0;
}

cuda::Status device_info(int device, cuda::DeviceInfo* info) {
  if (const cuda::Status status = count_call("device_info")) return status;
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
  *stream = new Stream(current_device);
  note([](Machine& m) { ++m.use.streams; });
  return 0;
}
cuda::Status destroy_stream(void* stream) {
  const cuda::Status status = count_call("destroy_stream");
  delete static_cast<Stream*>(stream);
  note([](Machine& m) { --m.use.streams; });
  return status;
}

cuda::Status create_event(void** event, bool) {
  if (const cuda::Status status = count_call("create_event")) return status;
  *event = new Event;
  note([](Machine& m) { ++m.use.events; });
  return 0;
}
cuda::Status destroy_event(void* event) {
  const cuda::Status status = count_call("destroy_event");
  delete static_cast<Event*>(event);
  note([](Machine& m) { --m.use.events; });
  return status;
}

cuda::Status copy(const char* name, void* to, const void* from, size_t size, void* stream) {
  if (const cuda::Status status = count_call(name)) return status;
  static_cast<Stream*>(stream)->add([=] { std::memcpy(to, from, size); });
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
  if (const cuda::Status status = count_call("launch")) return status;
  auto* into = static_cast<Stream*>(stream);
  note([&](Machine& m) {
    m.use.launches.resize(std::max<size_t>(m.use.launches.size(), static_cast<size_t>(into->device()) + 1));
    ++m.use.launches[static_cast<size_t>(into->device())];
  });
  into->add([launch] { run_on_host(launch); });
  return 0;
}

cuda::Status record(void* event, void* stream) {
  if (const cuda::Status status = count_call("record")) return status;
  auto* recorded = static_cast<Event*>(event);
  const uint64_t recording = recorded->record();
  static_cast<Stream*>(stream)->add([=] { recorded->reach(recording); });
  return 0;
}
cuda::Status wait_for(void* stream, void* event) {
  if (const cuda::Status status = count_call("wait_for")) return status;
  auto* awaited = static_cast<Event*>(event);
  const uint64_t recording = awaited->recorded();
  static_cast<Stream*>(stream)->add([=] { awaited->wait(recording); });
  return 0;
}
cuda::Status synchronize(void* event) {
  if (const cuda::Status status = count_call("synchronize")) return status;
  auto* awaited = static_cast<Event*>(event);
  awaited->wait(awaited->recorded());
  return 0;
}
// Waits even where it fails, as runtime.h demands.
cuda::Status drain(void* stream) {
  const cuda::Status status = count_call("drain");
  static_cast<Stream*>(stream)->drain();
  return status;
}
cuda::Status elapsed(float* milliseconds, void*, void*) {
  *milliseconds = 1;
  return count_call("elapsed");
}

const char* message(cuda::Status status) {
  return status == kOutOfMemory ? "out of memory" : status == kNoDevice ? "no device" : "injected failure";
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
