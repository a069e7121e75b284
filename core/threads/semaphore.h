// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace ckmerge {

/// So many may pass at once. Instead of std::counting_semaphore, of which libstdc++ 12's can let a thread sleep for
/// ever although there is room: one that slept on a count above 0, as it may by an unlucky exchange, is never woken,
/// since release() wakes nobody where the count was above 0 already (GCC's bug 104928). Taken and left once a tile, so
/// that a mutex costs nothing.
class Semaphore {
 public:
  explicit Semaphore(ptrdiff_t count) : count_(count) {}

  void acquire() {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [this] { return count_ > 0; });
    --count_;
  }

  /// Who passes next may end this, so that it is not touched any more.
  void release(ptrdiff_t room = 1) {
    const std::lock_guard lock(mutex_);
    count_ += room;
    if (room == 1)
      has_room_.notify_one();
    else
      has_room_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable has_room_;
  ptrdiff_t count_;  // guarded by the mutex
};

}  // namespace ckmerge
