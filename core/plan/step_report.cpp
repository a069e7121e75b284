// SPDX-License-Identifier: Apache-2.0
#include "core/plan/step_report.h"

namespace ckmerge {
namespace {

bool any(const StoreCounts& counts) {
  return counts.saturated || counts.overflowed || counts.lost_inf || counts.non_finite || counts.created ||
         counts.vanished || counts.negative;
}

}  // namespace

void StepReport::add(const StepReport& other) {
  for (const auto& [step, counts] : other.losses) add(step, counts);
  for (const auto& [step, count] : other.zeros) zeros[step] += count;
  differing.insert(other.differing.begin(), other.differing.end());
}

void StepReport::add(uint32_t step, const StoreCounts& counts) {
  if (!any(counts)) return;
  StoreCounts& sum = losses[step];
  sum.saturated += counts.saturated;
  sum.overflowed += counts.overflowed;
  sum.lost_inf += counts.lost_inf;
  sum.non_finite += counts.non_finite;
  sum.created += counts.created;
  sum.vanished += counts.vanished;
  sum.negative += counts.negative;
}

}  // namespace ckmerge
