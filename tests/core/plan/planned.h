// SPDX-License-Identifier: Apache-2.0
// Checkpoints of a test and the plans made from them.
#pragma once

#include <stdexcept>

#include "core/plan/plan.h"
#include "io/checkpoint.h"
#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"

namespace ckmerge::test {

// In files of a folder of their own, called A.safetensors, B.safetensors, ...
struct Opened {
  TempFolder folder;
  std::vector<Checkpoint> checkpoints;

  Opened& add(const std::vector<FileTensor>& tensors) {
    const std::string name = std::string(1, static_cast<char>('A' + checkpoints.size())) + ".safetensors";
    checkpoints.push_back(open_checkpoint(write_file(folder / name, tensors)));
    return *this;
  }
  Plan plan(const Recipe& recipe = {}) const { return make_plan(recipe, checkpoints); }
  Failure fault(const Recipe& recipe = {}) const {
    return failure([&] { plan(recipe); });
  }
  std::string name(Source source) const {
    return std::string(checkpoints[source.checkpoint].tensors[source.tensor].name);
  }
  std::vector<std::string> names(const std::vector<Source>& sources) const {
    std::vector<std::string> found;
    for (const Source source : sources) found.push_back(name(source));
    return found;
  }
};

inline const Step& step_of(const Plan& plan, const Opened& opened, std::string_view name) {
  for (const Step& step : plan.steps)
    if (opened.name(step.named) == name) return step;
  throw std::runtime_error("no step for " + std::string(name));
}

inline bool has_step(const Plan& plan, const Opened& opened, std::string_view name) {
  for (const Step& step : plan.steps)
    if (opened.name(step.named) == name) return true;
  return false;
}

}  // namespace ckmerge::test
