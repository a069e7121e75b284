// SPDX-License-Identifier: Apache-2.0
// A device made of host threads and host memory, behind the table of kernels/cuda/runtime.h: the same kernels' source
// compiled for the host, streams that run on threads of their own, memory that is poisoned, and calls that fail on
// demand, or because the calling thread uses another device than that of the stream. It shows everything about the
// backend but the compiler's and the card's own doing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/cuda/runtime.h"

namespace ckmerge::test {

/// What the stand-in should be. Set before a run, for all of it.
struct StandInSetting {
  int devices = 1;
  uint64_t memory = 1ull << 30;  ///< of each device
  uint64_t fail_call = 0;        ///< the first call that fails, counted from 1; 0 = none
  bool stays_broken = false;     ///< all later calls fail too, as with a lost device
};

/// What it has seen since reset_stand_in().
struct StandInUse {
  uint64_t calls = 0;
  std::vector<uint64_t> launches = {};                       ///< per device
  uint64_t most_memory = 0;                                  ///< on one device at one time
  uint64_t memory = 0, pinned = 0, streams = 0, events = 0;  ///< not given back, in pieces
  std::vector<std::string> names = {};                       ///< of the calls, in order
};

void reset_stand_in(const StandInSetting& setting);
StandInUse stand_in_use();
const cuda::Runtime& stand_in();

/// Runs one launch on the calling thread.
void run_on_host(const cuda::Launch& launch);

}  // namespace ckmerge::test
