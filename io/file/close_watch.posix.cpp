// SPDX-License-Identifier: Apache-2.0
#include "io/file/close_watch.h"

#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

namespace ckmerge {
namespace {

struct Watches {
  std::mutex mutex;
  std::map<int, std::shared_ptr<int>> by_descriptor;

  static Watches& of_process() {
    static Watches* const watches = new Watches;  // files may outlive all else
    return *watches;
  }

  // Before the number can be another file's.
  std::shared_ptr<int> take(int descriptor) {
    const std::lock_guard lock(mutex);
    const auto found = by_descriptor.find(descriptor);
    if (found == by_descriptor.end()) return nullptr;
    std::shared_ptr<int> error = std::move(found->second);
    by_descriptor.erase(found);
    return error;
  }
};

}  // namespace

void CloseWatch::begin(int descriptor) const {
  Watches& watches = Watches::of_process();
  const std::lock_guard lock(watches.mutex);
  watches.by_descriptor[descriptor] = error_;
}

int CloseWatch::error() const {
  const std::lock_guard lock(Watches::of_process().mutex);
  return *error_;
}

// Not begun again: what a signal ended has closed it, and its number may be another file's.
void close_watched(int descriptor) noexcept {
  Watches& watches = Watches::of_process();
  const std::shared_ptr<int> kept = watches.take(descriptor);
  if (close(descriptor) == 0 || errno == EINTR || !kept) return;
  const int error = errno;
  const std::lock_guard lock(watches.mutex);
  *kept = error;
}

}  // namespace ckmerge
