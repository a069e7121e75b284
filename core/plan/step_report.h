// SPDX-License-Identifier: Apache-2.0
// What was noticed about steps while their tiles were computed; the sum over tiles does not depend on their order.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "kernels/block_kernels.h"

namespace ckmerge {

/// Over some elements whose results are W without adapters, to which these add D, and which are stored as R.
struct EnergySums {
  double kept = 0;   ///< (R - W) D
  double added = 0;  ///< D D

  friend EnergySums operator+(EnergySums x, EnergySums y) { return {x.kept + y.kept, x.added + y.added}; }
  friend bool operator==(const EnergySums&, const EnergySums&) = default;
};

/// The sums of a step's elements.
struct StepEnergy {
  uint32_t step = 0;
  EnergySums sums;
};

struct StepReport {
  std::map<uint32_t, StoreCounts> losses;  ///< by step, only where something is not 0
  std::map<uint32_t, uint64_t> zeros;      ///< by step: elements of tiles that came out as zeros only
  std::set<uint32_t> differing;            ///< compared steps whose sources differ

  void add(const StepReport& other);
  void add(uint32_t step, const StoreCounts& counts);
};

}  // namespace ckmerge
