// SPDX-License-Identifier: Apache-2.0
// The difference of two checkpoints as an adapter of low rank.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/adapters/making/weight_places.h"

namespace ckmerge {

struct ExtractionOptions {
  uint64_t rank = 32;
  std::optional<uint64_t> conv_rank = {};  ///< of convolutions of more than one point; 0: they are left out
  std::optional<double> clamp = {};        ///< factors are held to this quantile of their elements, as kohya's are
};

/// A tensor that differs and is not in the adapter.
struct LeftOut {
  std::string name, why;
};

/// What an extraction makes of two checkpoints, known when both have been looked through once.
struct Extraction {
  std::vector<MadeModule> modules;
  uint64_t unchanged = 0;         ///< weights that are equal, of which nothing is extracted
  std::vector<LeftOut> left_out;  ///< that the adapter cannot hold, or was not to
};

/// Keeps a reference to `places`, which must outlive what it returns. Reads both files until the first difference of
/// each tensor. Throws Error(mismatch) where they differ nowhere.
Extraction extraction(const WeightPlaces& places, const ExtractionOptions& options);

}  // namespace ckmerge
