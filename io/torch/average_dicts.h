// SPDX-License-Identifier: Apache-2.0
// The rows of io/table/average_rows.h, looked for in a pickle.
#pragma once

#include <optional>

#include "io/table/average_rows.h"
#include "io/torch/state_dict.h"

namespace ckmerge {

struct AveragePair {
  const AverageDicts* row = nullptr;
  StateDict weights, average;
};

/// The first row of which both dicts are there.
std::optional<AveragePair> find_average_pair(const PickleValues& values, PickleRef top);

}  // namespace ckmerge
