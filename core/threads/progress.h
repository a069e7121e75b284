// SPDX-License-Identifier: Apache-2.0
// What those see who watch a run, and how they end it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace ckmerge {

/// What a run is at. Each stage counts its own bytes.
enum class Stage : uint8_t {
  hash,    ///< reading the inputs for their SHA-256 sums
  merge,   ///< writing the output
  seal,    ///< of a .ckpt: putting the sums of its entries into it
  verify,  ///< reading it back
  scan,    ///< examining files for a registry: counts files, not bytes
};

struct Progress {
  uint64_t done = 0;   ///< bytes of the stage finished
  uint64_t total = 0;  ///< bytes of the stage
  double seconds = 0;  ///< since the stage began
  Stage stage = Stage::merge;
};

/// What ends a run when it is raised. Asked about ten times a second, by any of the run's threads.
class StopFlag {
 public:
  StopFlag(const std::atomic<bool>* flag = nullptr) {
    if (flag) raised_ = [flag] { return flag->load(); };
  }
  /// Of flags of another kind. `raised` must not throw.
  explicit StopFlag(std::function<bool()> raised) : raised_(std::move(raised)) {}

  bool is_raised() const { return raised_ && raised_(); }

 private:
  std::function<bool()> raised_;
};

/// Who watches a run. Outlives the threads that it is given to.
struct Observer {
  const std::function<void(const Progress&)>& on_progress;  ///< may be empty
  const StopFlag& stop;

  bool wants_stop() const { return stop.is_raised(); }
};

}  // namespace ckmerge
