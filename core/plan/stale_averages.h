// SPDX-License-Identifier: Apache-2.0
// Averages of weights (model_ema.) that a merge would leave beside weights which they are not the average of: what is
// merged with the weights is an average of the result, what is copied is one of the input's. They are kept or left out
// together, since what reads them takes the place of all weights at once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan/plan.h"
#include "core/plan/selection.h"

namespace ckmerge {

class StaleAverages {
 public:
  StaleAverages(const Recipe& recipe, std::span<const Checkpoint> merged);

  /// Walks all names that `selection` does not discard, where there are averages: all of them are kept if each has its
  /// weight's origin, else none.
  void weigh(Selection& selection);

  /// Whether `name` is to be left out. REQUIRES: weigh().
  bool leaves_out(std::string_view name);

  /// Adds a warning about what was left out, and says in plan.kind whether there are averages of the result.
  void finish(Plan& plan) const;

 private:
  // Whose values the result has under a name; `none`: it has no such name.
  enum class Origin : uint8_t { merged, first, other, none };
  void weigh_one(std::string_view name, std::span<const uint32_t> rows, bool inside);
  Origin origin(std::span<const uint32_t> rows, bool inside) const;
  bool fits_its_weight(std::string_view name, Origin origin);
  std::string reason() const;

  std::span<const Checkpoint> checkpoints_;
  bool active_ = false, sorted_ = false, fit_ = true;
  bool adds_;                      // what the first checkpoint lacks
  std::string lacking_;            // the first checkpoint without any average
  std::string incomplete_;         // one that lacks the first average that does not fit
  std::vector<uint64_t> weights_;  // hashes of their averages' names; the last two bits: Origin
  std::string room_;
  uint64_t left_out_ = 0, kept_ = 0;
};

/// Why the averages in `checkpoint` are not those of its weights, as far as its metadata says: empty where nothing
/// speaks against them.
std::string doubt_about_averages(const Checkpoint& checkpoint);

}  // namespace ckmerge
