// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/prepared_modules.h"

#include <algorithm>
#include <utility>

namespace ckmerge {

size_t PreparedModules::add(Open open) {
  modules_.push_back({.open = std::move(open), .change = nullptr});
  return modules_.size() - 1;
}

std::shared_ptr<const ModuleChange> PreparedModules::get(size_t number) {
  std::unique_lock lock(mutex_);
  Module& module = modules_[number];
  opened_.wait(lock, [&] { return !module.opening; });
  module.used = ++calls_;
  if (module.change) return module.change;
  module.opening = true;
  lock.unlock();
  std::shared_ptr<const ModuleChange> change;
  try {
    change = module.open();
  } catch (...) {
    lock.lock();
    module.opening = false;
    opened_.notify_all();
    throw;
  }
  lock.lock();
  module.opening = false;
  module.change = change;
  in_memory_.push_back(number);
  give_up_idle();
  opened_.notify_all();
  return change;
}

// The one that was used last stays, however large it is.
void PreparedModules::give_up_idle() {
  std::ranges::sort(in_memory_, std::ranges::greater(), [&](size_t k) { return modules_[k].used; });
  uint64_t idle = 0;
  bool first = true;
  std::erase_if(in_memory_, [&](size_t k) {
    Module& module = modules_[k];
    if (module.change.use_count() > 1) return false;  // somebody has it, who keeps it in memory anyway
    idle += module.change->memory();
    if (std::exchange(first, false) || idle <= most_idle_) return false;
    module.change.reset();
    return true;
  });
}

}  // namespace ckmerge
