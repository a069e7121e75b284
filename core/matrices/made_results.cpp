// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/made_results.h"

#include <algorithm>
#include <utility>

namespace ckmerge {

MadeResults::Bytes MadeResults::get(size_t number, const std::function<std::vector<std::byte>()>& make) {
  if (Bytes bytes = held(number)) return bytes;
  const std::lock_guard lock(making_);
  if (Bytes bytes = held(number)) return bytes;  // another thread made it meanwhile
  Bytes bytes = std::make_shared<const std::vector<std::byte>>(make());
  hold(number, bytes);
  return bytes;
}

MadeResults::Bytes MadeResults::held(size_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(held_, number, &Held::number);
  if (found == held_.end()) return nullptr;
  held_.splice(held_.begin(), held_, found);
  return found->bytes;
}

void MadeResults::hold(size_t number, const Bytes& bytes) {
  const std::lock_guard lock(mutex_);
  held_.push_front({number, bytes});
  largest_ = std::max<uint64_t>(largest_, bytes->size());
  uint64_t size = 0;
  for (auto one = held_.begin(); one != held_.end();) {
    size += one->bytes->size();
    one = size > memory(largest_) ? held_.erase(one) : std::next(one);
  }
}

}  // namespace ckmerge
