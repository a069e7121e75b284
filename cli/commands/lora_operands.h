// SPDX-License-Identifier: Apache-2.0
// Adapters on the command line, with what they count: L.safetensors:0.7, L.safetensors:0.7:te=0.2:lbw=1,0,....
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ckmerge::cli {

struct CountedPath {
  std::string path;
  double strength = 1;
  std::optional<double> of_encoders = {};  ///< te=
  std::vector<double> by_block = {};       ///< lbw=, of as many numbers as a list of blocks has
  std::string text = "1";                  ///< all of it behind the path, as it was given
};

/// Throws Error(usage) for words without a path, parts that are no number, lists of other lengths; where `resizes`
/// for more or less than one path, and for a strength.
std::vector<CountedPath> counted_paths(const std::vector<std::string>& words, bool resizes);

}  // namespace ckmerge::cli
