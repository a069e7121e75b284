// SPDX-License-Identifier: Apache-2.0
#include "core/read/cache_policy.h"

#include <algorithm>

#include "core/plan/step_rows.h"
#include "core/threads/machine.h"

namespace ckmerge {
namespace {

// What the second pass has still to read when the first has just read it, at most: the inputs of the largest tensor,
// and those of the tiles that lie between.
uint64_t between_passes(const Plan& plan, std::span<const Checkpoint> checkpoints, const TileSizing& sizing,
                        unsigned lookahead) {
  uint64_t largest = 0;
  for (const Step& step : plan.steps) {
    if (!needs_statistics(plan, step)) continue;
    uint64_t inputs = 0;
    for (uint32_t s = 0; s < step.source_count; ++s) {
      const Source source = plan.source(step, s);
      inputs += checkpoints[source.checkpoint].tensors[source.tensor].size;
    }
    largest = std::max(largest, inputs);
  }
  return largest + (lookahead + sizing.tiles_in_flight) * sizing.window_size;
}

uint64_t size_of_files(std::span<const Checkpoint> checkpoints) {
  uint64_t size = 0;
  for (const Checkpoint& checkpoint : checkpoints) size += checkpoint.lies_in_memory() ? 0 : checkpoint.file_size();
  return size;
}

// At most: of a checkpoint in memory, which no page cache holds, all tensors may be read. What is read twice, for what
// is made of inputs, takes room once.
uint64_t read_of_files(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  uint64_t read = plan.bytes_to_read;
  for (const Checkpoint& checkpoint : checkpoints)
    if (checkpoint.lies_in_memory() && !checkpoint.made_whole) read -= std::min(read, checkpoint.file_size());
  return std::min(read, size_of_files(checkpoints));
}

}  // namespace

// Windows beyond what can be had are taken away before they are used, and read again and again: in a 40 MiB cgroup the
// default budget ran for minutes. So a program of some MiB and the kernel's readahead are left room, and half of the
// rest is the budget's. The budget is an upper bound; less is allowed. Likewise of addresses, where `ulimit -v` counts
// them: stacks of threads and what the C library asks for take their part of the other half.
uint64_t affordable_budget(uint64_t budget) {
  const uint64_t available = std::min(available_memory(), address_space().left());
  return std::min(budget, std::max(kLeastBudget, (available - std::min(available, kReserved)) / 2));
}

// Page cache is kept while inputs and output fit in a quarter of the memory that can be had: whoever loads the result,
// or merges the same inputs again, finds them there. Otherwise it is dropped behind the cursor, so that a small machine
// or cgroup does not thrash, and pages are used again instead of fetched fresh: on a virtual machine with 22 GiB
// available, two cold 3.2 GB inputs took 3.9 to 4.1 s dropped and 5.1 to 6.8 s kept. What this run will read again is
// worth more: a disk is slower than fresh pages.
CachePolicy cache_policy(const Plan& plan, std::span<const Checkpoint> checkpoints, const TileSizing& sizing,
                         unsigned lookahead, size_t outputs) {
  const uint64_t available = available_memory();
  const bool drop = read_of_files(plan, checkpoints) + outputs * plan.output_size() > available / 4;
  return {.drop_behind_tiles = drop,
          .drop_behind_statistics = drop && between_passes(plan, checkpoints, sizing, lookahead) > available / 4,
          .drop_behind_hashes = drop && size_of_files(checkpoints) > available / 2};
}

}  // namespace ckmerge
