// SPDX-License-Identifier: Apache-2.0
// What was noticed about steps while their tiles were computed; the sum over tiles does not depend on their order.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "kernels/block_kernels.h"

namespace ckmerge {

struct StepReport {
  std::map<uint32_t, StoreCounts> losses;  ///< by step, only where something is not 0
  std::map<uint32_t, uint64_t> zeros;      ///< by step: elements of tiles that came out as zeros only
  std::set<uint32_t> differing;            ///< compared steps whose sources differ

  void add(const StepReport& other);
  void add(uint32_t step, const StoreCounts& counts);
};

}  // namespace ckmerge
