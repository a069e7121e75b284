// SPDX-License-Identifier: Apache-2.0
// What those see who watch a run, and how they end it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

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

/// Who watches a run. Outlives the threads that it is given to.
struct Observer {
  const std::function<void(const Progress&)>& on_progress;  ///< may be empty
  const std::atomic<bool>* stop = nullptr;                  ///< may be null

  bool wants_stop() const { return stop && stop->load(); }
};

}  // namespace ckmerge
