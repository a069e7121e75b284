// SPDX-License-Identifier: Apache-2.0
// Averages of weights (model_ema.) that a merge would leave beside weights which they are not the average of: what is
// merged with the weights is an average of the result, what is copied is one of the input's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

class StaleAverages {
 public:
  StaleAverages(const Recipe& recipe, std::span<const Checkpoint> merged);

  /// Whether `name`, the next in order of all names, is to be left out. `merged`: all checkpoints have it, and it is
  /// inside of the selection. `of_first`: the first has it.
  bool leaves_out(std::string_view name, bool merged, bool of_first);

  /// Adds a warning about what was left out, and says in plan.kind whether there are averages of the result.
  void finish(Plan& plan) const;

 private:
  bool fits_its_weight(std::string_view name, bool merged);

  bool active_ = false, sorted_ = false, any_merged_ = false;
  std::string lacking_;            // the first checkpoint without any average
  std::vector<uint64_t> weights_;  // hashes of their averages' names; the last bit: merged
  std::string room_;
  uint64_t left_out_ = 0, kept_ = 0;
};

/// Why the averages in `checkpoint` are not those of its weights, as far as its metadata says: empty where nothing
/// speaks against them.
std::string doubt_about_averages(const Checkpoint& checkpoint);

}  // namespace ckmerge
