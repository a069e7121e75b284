// SPDX-License-Identifier: Apache-2.0
// Streams and events of the stand-in for a device's runtime: threads, and counters that they come to.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace ckmerge::test {

// Tasks that run one after another on a thread of their own.
class StandInStream {
 public:
  explicit StandInStream(int device) : device_(device), thread_([this] { work(); }) {}
  ~StandInStream() {
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
class StandInEvent {
 public:
  explicit StandInEvent(int device) : device_(device) {}
  int device() const { return device_; }

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
  const int device_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t recorded_ = 0, reached_ = 0;
};

}  // namespace ckmerge::test
