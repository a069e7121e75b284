// SPDX-License-Identifier: Apache-2.0
// Modules whose factors are in memory: opened when somebody needs one first, given up again where others need the room.
// Tiles follow each other through a tensor, so that few are needed at a time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/adapters/adapter_kind.h"

namespace ckmerge {

class PreparedModules {
 public:
  using Open = std::function<std::unique_ptr<ModuleChange>()>;

  /// Bytes of those that nobody uses are at most `most_idle`, or one module.
  explicit PreparedModules(uint64_t most_idle) : most_idle_(most_idle) {}

  /// REQUIRES: before the first get().
  size_t add(Open open);

  /// Waits where another thread is opening it. Thread-safe; throws what its Open throws.
  std::shared_ptr<const ModuleChange> get(size_t number);

 private:
  struct Module {
    Open open;
    std::shared_ptr<const ModuleChange> change;  // null: not in memory
    bool opening = false;
    uint64_t used = 0;  // when, counted in calls
  };
  void give_up_idle();

  std::mutex mutex_;
  std::condition_variable opened_;
  std::vector<Module> modules_;
  std::vector<size_t> in_memory_;
  uint64_t most_idle_, calls_ = 0;
};

}  // namespace ckmerge
