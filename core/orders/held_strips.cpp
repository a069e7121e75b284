// SPDX-License-Identifier: Apache-2.0
#include "core/orders/held_strips.h"

#include <iterator>
#include <utility>

namespace ckmerge {

HeldStrips::Bytes HeldStrips::get(Place place, const std::function<std::vector<std::byte>()>& make) {
  {
    std::unique_lock lock(mutex_);
    while (true) {
      if (const auto found = held_.find(place); found != held_.end()) return found->second->bytes;
      if (making_.insert(place).second) break;
      ended_.wait(lock);
    }
  }
  // Whatever comes of it, those who wait look again.
  const struct Ending {
    HeldStrips& strips;
    Place place;
    ~Ending() {
      const std::lock_guard lock(strips.mutex_);
      strips.making_.erase(place);
      strips.ended_.notify_all();
    }
  } ending{*this, place};
  Bytes bytes = std::make_shared<const std::vector<std::byte>>(make());
  const std::lock_guard lock(mutex_);
  hold(place, bytes);
  return bytes;
}

void HeldStrips::hold(Place place, const Bytes& bytes) {
  const auto entry = order_.insert(order_.end(), {place, bytes});
  try {
    held_.insert_or_assign(place, entry);
  } catch (...) {
    order_.erase(entry);
    throw;
  }
  size_ += bytes->size() + kEntry;
  while (size_ > capacity_) {
    const auto victim = least_wanted(place.tensor);
    if (victim == order_.end()) return;
    size_ -= victim->bytes->size() + kEntry;
    held_.erase(victim->place);
    order_.erase(victim);
  }
}

HeldStrips::Order::iterator HeldStrips::least_wanted(uint64_t tensor) {
  if (order_.size() <= recent_) return order_.end();
  if (order_.front().place.tensor != tensor) return order_.begin();
  return std::prev(order_.end(), static_cast<ptrdiff_t>(recent_) + 1);
}

}  // namespace ckmerge
