// SPDX-License-Identifier: Apache-2.0
#include "io/file/descriptor_pool.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "io/file/close_watch.h"

namespace ckmerge {

OpenDescriptor::~OpenDescriptor() { close_watched(descriptor_); }

DescriptorPool& DescriptorPool::of_process() {
  static DescriptorPool* const pool = new DescriptorPool;  // files may outlive all else
  return *pool;
}

size_t DescriptorPool::capacity() {
  constexpr size_t kMost = 128, kFewest = 4,
                   kPart = 4;  // the rest is for outputs, the device, and the program around us
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kMost;
  return std::clamp<size_t>(limit.rlim_cur / kPart, kFewest, kMost);
}

DescriptorLease DescriptorPool::find(Place& place) {
  const std::lock_guard lock(mutex_);
  place.used = true;
  return place.kept;
}

DescriptorLease DescriptorPool::keep(Place& place, int descriptor) {
  DescriptorLease lease = std::make_shared<OpenDescriptor>(descriptor);
  const std::lock_guard lock(mutex_);
  if (place.kept) return place.kept;
  make_room();
  places_.push_back(&place);
  place.used = true;
  place.kept = lease;
  return lease;
}

// What was used since it was last looked at gets a second chance.
void DescriptorPool::make_room() {
  const size_t most = capacity();
  while (places_.size() >= most) {
    Place* const oldest = places_.front();
    places_.pop_front();
    if (std::exchange(oldest->used, false))
      places_.push_back(oldest);
    else
      oldest->kept.reset();
  }
}

void DescriptorPool::forget(Place& place) noexcept {
  const std::lock_guard lock(mutex_);
  if (place.kept) std::erase(places_, &place);
  place.kept.reset();
}

bool DescriptorPool::close_unused() noexcept {
  const std::lock_guard lock(mutex_);
  const size_t before = places_.size();
  std::erase_if(places_, [](Place* place) {
    if (place->kept.use_count() > 1) return false;
    place->kept.reset();
    return true;
  });
  return places_.size() < before;
}

}  // namespace ckmerge
