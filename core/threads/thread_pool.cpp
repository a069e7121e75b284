// SPDX-License-Identifier: Apache-2.0
#include "core/threads/thread_pool.h"

#include <string>
#include <system_error>

#include "core/threads/ending.h"
#include "io/file/input_windows.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

[[noreturn]] void interrupt() { throw Error(ErrorCode::interrupted, "", "interrupted; nothing was written"); }

}  // namespace

void check_stop(const Observer& observer) {
  if (observer.wants_stop()) interrupt();
}

void ThreadPool::run(unsigned count, const std::function<void()>& work) {
  check_stop(observer_);
  report();
  {
    std::vector<std::jthread> workers;
    try {
      while (workers.size() < count && add_worker(workers, work)) continue;
      watch();
    } catch (...) {
      stopping_ = true;  // those who work are waited for
      throw;
    }
  }
  if (first_error_) std::rethrow_exception(first_error_);
  check();
  check_stop(observer_);
  report();
}

void ThreadPool::check() const {
  if (stopping_) interrupt();
}

// False when the system gives no further thread; those there are do the work.
bool ThreadPool::add_worker(std::vector<std::jthread>& workers, const std::function<void()>& work) {
  std::lock_guard lock(mutex_);
  try {
    workers.emplace_back([this, &work] { run_worker(work); });
    ++running_;
    return true;
  } catch (const std::system_error& error) {
    if (!workers.empty()) return false;
    throw MemoryShortage(ErrorCode::resources, "threads",
                         std::string("no thread can be started: ") + error.what() +
                             "; more memory or threads may do (ulimit -v, ulimit -u)");
  }
}

void ThreadPool::run_worker(const std::function<void()>& work) noexcept {
  std::exception_ptr error;
  try {
    const WorkEnds with_pool(&stopping_);
    work();
  } catch (...) {
    error = std::current_exception();
  }
  std::lock_guard lock(mutex_);
  if (error && !first_error_) first_error_ = error;
  if (error) stopping_ = true;
  if (--running_ == 0) ended_.notify_one();
}

void ThreadPool::watch() {
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, kInterval, [this] { return running_ == 0; })) {
    if (observer_.wants_stop()) stopping_ = true;
    lock.unlock();
    report();
    lock.lock();
  }
}

void ThreadPool::report() const {
  if (!observer_.on_progress) return;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
  observer_.on_progress({.done = done_, .total = total_, .seconds = elapsed.count(), .stage = stage_});
}

}  // namespace ckmerge
