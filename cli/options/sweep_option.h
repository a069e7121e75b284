// SPDX-License-Identifier: Apache-2.0
// --sweep: several values of a number of the merge, each with an output of its own.
#pragma once

#include <string>
#include <vector>

#include "cli/options/option.h"

namespace ckmerge::cli {

/// More outputs are refused: each is a file that is open during the run.
inline constexpr size_t kMostSwept = 256;

/// --sweep PARAMETER=V1,V2,...; a value of a list is its numbers with slashes between. Adds to Settings::sweeps.
Reader read_sweep();

/// "0.2", "true", "0.5/0.5": a value of `sweep` as it is given.
std::string sweep_value_text(const Sweep& sweep, size_t value);

/// One output of a sweep: what stands for each of the settings' sweeps.
struct SweptOutput {
  std::vector<size_t> values;  ///< by sweep: which of its values
  std::string name;            ///< of the file, without extension: "alpha-0.2,beta-0.5"
};

/// All of them, the last sweep's values next to each other. Throws Error(usage) where there are more than kMostSwept.
std::vector<SweptOutput> swept_outputs(const std::vector<Sweep>& sweeps);

/// `recipe` with the values of `output`.
Recipe swept_recipe(const Recipe& recipe, const std::vector<Sweep>& sweeps, const SweptOutput& output);

}  // namespace ckmerge::cli
