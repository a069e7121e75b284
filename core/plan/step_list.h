// SPDX-License-Identifier: Apache-2.0
// The steps of a plan while they are added, each with the sources that were taken since the one before.
#pragma once

#include <cstdint>
#include <span>

#include "core/plan/plan.h"

namespace ckmerge {

class StepList {
 public:
  StepList(Plan& plan, std::span<const Checkpoint> checkpoints) : plan_(plan), checkpoints_(checkpoints) {}

  void take(Source source) { plan_.sources.push_back(source); }

  /// The step of all sources taken since the last; size and sources are filled in, and what it reads is counted.
  void add(Step step);

  /// Index of `wanted` into Plan::expansions. Throws Error(mismatch) where there are more than steps can name.
  uint16_t expansion(const Expansion& wanted);

 private:
  Tensor tensor_of(Source source) const { return checkpoints_[source.checkpoint].tensors[source.tensor]; }

  Plan& plan_;
  std::span<const Checkpoint> checkpoints_;
  uint32_t sources_taken_ = 0;  // by steps
};

}  // namespace ckmerge
