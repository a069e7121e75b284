// SPDX-License-Identifier: Apache-2.0
// Every tensor name of several checkpoints once, in order, with its row in each: their sorted tables are walked side by
// side, so the cost is linear in their names.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

class NameWalk {
 public:
  static constexpr uint32_t kAbsent = UINT32_MAX;

  explicit NameWalk(std::span<const Checkpoint> checkpoints)
      : checkpoints_(checkpoints), next_(checkpoints.size(), 0), heads_(checkpoints.size()), rows_(checkpoints.size()) {
    for (size_t k = 0; k < checkpoints.size(); ++k) look_at_head(k);
  }

  /// Goes to the next name; false when there is none.
  bool advance() {
    const std::string_view* least = nullptr;
    for (size_t k = 0; k < heads_.size(); ++k)
      if (has_head(k) && (!least || (!same(heads_[k], *least) && heads_[k] < *least))) least = &heads_[k];
    if (!least) return false;
    name_ = *least;
    for (size_t k = 0; k < heads_.size(); ++k) take_if_named(k);
    return true;
  }

  std::string_view name() const { return name_; }
  /// The row of name() in each checkpoint's table, or kAbsent.
  std::span<const uint32_t> rows() const { return rows_; }

 private:
  // Tables that share their names are walked without reading them.
  static bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && (a.data() == b.data() || a == b);
  }

  bool has_head(size_t k) const { return next_[k] < checkpoints_[k].tensors.size(); }

  void look_at_head(size_t k) {
    if (has_head(k)) heads_[k] = checkpoints_[k].tensors.name(next_[k]);
  }

  void take_if_named(size_t k) {
    rows_[k] = kAbsent;
    if (!has_head(k) || !same(heads_[k], name_)) return;
    rows_[k] = next_[k]++;
    look_at_head(k);
  }

  std::span<const Checkpoint> checkpoints_;
  std::vector<uint32_t> next_;           // per checkpoint: the first row that was not taken yet
  std::vector<std::string_view> heads_;  // per checkpoint: that row's name
  std::vector<uint32_t> rows_;
  std::string_view name_;
};

}  // namespace ckmerge
