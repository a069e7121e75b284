// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/made_results.h"

#include <algorithm>
#include <utility>

namespace ckmerge {

// One that is being made; whatever comes of it, those who wait look again.
class MadeResults::Turn {
 public:
  Turn(MadeResults& results, Making making)
      : results_(results), place_(results.making_.insert(results.making_.end(), making)) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    const std::lock_guard lock(results_.mutex_);
    results_.making_.erase(place_);
    results_.ended_.notify_all();
  }

  void end(size_t number, const Bytes& bytes) {
    const std::lock_guard lock(results_.mutex_);
    results_.hold(number, bytes);
  }

 private:
  MadeResults& results_;
  std::list<Making>::iterator place_;
};

MadeResults::Bytes MadeResults::get(size_t number, uint64_t memory, const Make& make) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (Bytes bytes = held(number)) return bytes;
    if (may_begin(number, memory)) break;
    ended_.wait(lock);
  }
  Turn turn(*this, {number, memory});
  const auto at_once = static_cast<unsigned>(making_.size());
  lock.unlock();
  Bytes bytes = std::make_shared<const std::vector<std::byte>>(make(at_once));
  turn.end(number, bytes);
  return bytes;
}

bool MadeResults::may_begin(size_t number, uint64_t memory) const {
  uint64_t taken = 0;
  for (const Making& one : making_) {
    if (one.number == number) return false;
    taken += one.memory;
  }
  return making_.empty() || (making_.size() < most_ && taken <= memory_ && memory <= memory_ - taken);
}

MadeResults::Bytes MadeResults::held(size_t number) {
  const auto found = std::ranges::find(held_, number, &Held::number);
  if (found == held_.end()) return nullptr;
  held_.splice(held_.begin(), held_, found);
  return found->bytes;
}

void MadeResults::hold(size_t number, const Bytes& bytes) {
  held_.push_front({number, bytes});
  largest_ = std::max<uint64_t>(largest_, bytes->size());
  uint64_t size = 0;
  for (auto one = held_.begin(); one != held_.end();) {
    size += one->bytes->size();
    one = size > memory(largest_) ? held_.erase(one) : std::next(one);
  }
}

}  // namespace ckmerge
