// SPDX-License-Identifier: Apache-2.0
// The threads of one stage of a run. The first error ends them all and is thrown to the caller; meanwhile the calling
// thread reports progress and looks at the stop flag.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/threads/progress.h"

namespace ckmerge {

class ThreadPool {
 public:
  ThreadPool(Observer observer, Stage stage, uint64_t total) : observer_(observer), stage_(stage), total_(total) {}
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Runs `work` on `count` threads, or as many as the system gives, and returns when all have returned. Progress is
  /// reported before, during and after. Throws what the first of them threw, or Error(interrupted).
  void run(unsigned count, const std::function<void()>& work);

  // For `work`:

  /// Whether workers should come to an end. They ask between pieces of work of some milliseconds.
  bool stopping() const { return stopping_; }
  /// Throws Error(interrupted) when stopping().
  void check() const;
  void add_done(uint64_t bytes) { done_ += bytes; }
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  /// Waits until ready(), which is asked under `lock`; throws Error(interrupted) when the pool comes to an end first.
  template <typename Ready>
  void wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, const Ready& ready) const {
    while (!changed.wait_for(lock, kInterval, ready)) check();
  }

 private:
  // How often progress is reported, and the stop flag, of which nobody is notified, looked at.
  static constexpr auto kInterval = std::chrono::milliseconds(100);

  bool add_worker(std::vector<std::jthread>& workers, const std::function<void()>& work);
  void run_worker(const std::function<void()>& work) noexcept;
  void watch();
  void report() const;

  const Observer observer_;
  const Stage stage_;
  const uint64_t total_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::atomic<uint64_t> done_{0};
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;  // guards what follows
  std::condition_variable ended_;
  unsigned running_ = 0;
  std::exception_ptr first_error_;
};

/// Throws Error(interrupted) when the stop flag is raised.
void check_stop(const Observer& observer);

}  // namespace ckmerge
