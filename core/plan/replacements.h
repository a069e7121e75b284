// SPDX-License-Identifier: Apache-2.0
// Tensors that take the place of others, whatever a merge makes of those: a VAE that is baked in (A1111's rule: where
// the result has a tensor of that name), and averages of weights (EmaPolicy::use). Adapters' are
// core/plan/adapter_rows'.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

struct Replacement {
  Source named, source;
  Action action = Action::bake;
};

class Replacements {
 public:
  Replacements(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

  /// What is stored as `name` instead, where anything is; `first` is its row in the first checkpoint.
  std::optional<Replacement> find(std::string_view name, uint32_t first);

  /// Of a name that is not in the result.
  void leave_out(std::string_view name) {
    leaves_out_vae_ |= recipe_.bake_vae && vae().tensors.find(name) != TensorTable::npos;
  }

  /// When all names were asked for: notes in `plan` what found no place. Throws Error(mismatch) when nothing was found.
  void finish(Plan& plan) const;

 private:
  const Checkpoint& vae() const { return checkpoints_[vae_input(recipe_, checkpoints_.size())]; }
  [[noreturn]] void fail_without(const Checkpoint& from) const;
  std::optional<Replacement> in_vae(std::string_view name);
  std::optional<Replacement> in_ema(std::string_view name, uint32_t first);
  std::string why_no_place() const;
  std::string why_no_average(const Checkpoint& from) const;

  const Recipe& recipe_;
  std::span<const Checkpoint> checkpoints_;
  std::vector<bool> used_;  // rows of the table that is searched
  std::vector<Source> unshadowed_;
  bool leaves_out_vae_ = false;  // tensors whose place the VAE's would take
};

}  // namespace ckmerge
