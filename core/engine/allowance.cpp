// SPDX-License-Identifier: Apache-2.0
#include "core/engine/allowance.h"

#include <algorithm>

#include "core/read/cache_policy.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr uint64_t kSmallest = 1ull << 20;  // bytes; with one thread few merges can use less
constexpr unsigned kLess = 4;

// What the least budget wants beside what there is: affordable_budget() takes half of what the reserve leaves.
constexpr uint64_t kWanted = kReserved + 2 * kLeastBudget;

}  // namespace

Allowance::Allowance(const RunOptions& options) : options_(options) {
  options_.on_commit = [this, told = options.on_commit] {
    committing_ = true;
    if (told) told();
  };
}

void Allowance::take_less(const std::string& reason) {
  if (first_reason_.empty()) first_reason_ = reason;
  if (committing_) fail(reason);
  if (options_.memory_budget <= kSmallest && options_.threads == 1) fail(first_reason_);
  const unsigned threads = options_.threads ? options_.threads : allowed_processors();
  options_.threads = std::max(1u, threads / kLess);
  options_.memory_budget =
      std::max(std::min(options_.memory_budget, kSmallest), affordable_budget(options_.memory_budget) / kLess);
  options_.tile_size = 0;
}

void Allowance::fail_if_less() const {
  if (!first_reason_.empty()) fail(first_reason_);
}

void Allowance::fail(const std::string& reason) const {
  const uint64_t enough = (addresses_.used + kWanted) >> 10;
  throw Error(
      ErrorCode::resources, "memory",
      addresses_.limit == UINT64_MAX
          ? sentence(reason, "; one thread and small windows were tried too; ", kWanted >> 20, " MiB more would do")
          : sentence(reason, "; one thread and small windows were tried too, in the ", addresses_.limit >> 10,
                     " KiB of addresses that this process may have; ", enough, " KiB would do (ulimit -v)"));
}

}  // namespace ckmerge
