// SPDX-License-Identifier: Apache-2.0
// What adapters have for tensors of the first checkpoint: differences that are added to what a merge makes of them, and
// whole tensors that take their place.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

/// What adapters have for tensors of the first checkpoint, name by name.
class AdapterRows {
 public:
  AdapterRows(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

  /// Throws Error(mismatch) where one has a tensor that is not of the first checkpoint's shape, or two have one in its
  /// place.
  void find(std::string_view name);

  /// Of the name at hand. Per adapter: whether it adds something.
  const std::vector<bool>& adding() const { return adding_; }
  bool any_adds() const { return any_adds_; }
  bool adds(uint32_t checkpoint) const { return checkpoint >= first_ && adding_[checkpoint - first_]; }
  bool any() const { return any_adds_ || replacing_; }
  const std::optional<Source>& replacing() const { return replacing_; }
  /// What checkpoint `k`, an adapter that adds something, has.
  Source source(uint32_t k) const { return {k, rows_[k - first_]}; }

  /// What adapter `k`, or what takes the tensor's place, is in the result.
  void note_added(uint32_t k) { used_[k - first_][rows_[k - first_]] = true; }
  void note_replaced() { used_[replacing_->checkpoint - first_][replacing_->tensor] = true; }
  /// When all names were asked for: notes in `plan` what is not, with a warning.
  void finish(Plan& plan) const;

 private:
  void take(size_t i, uint32_t row, std::string_view name);

  std::span<const Checkpoint> checkpoints_;
  const size_t first_;                   // index of the first adapter
  std::vector<uint32_t> rows_;           // per adapter
  std::vector<bool> adding_;             // likewise
  std::vector<std::vector<bool>> used_;  // likewise, by row
  std::optional<Source> replacing_;
  bool any_adds_ = false;
};

}  // namespace ckmerge
