// SPDX-License-Identifier: Apache-2.0
#include "core/engine/non_finite.h"

#include <algorithm>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// The narrowest dtypes that hold what a step computed, by rank: those with the range of f32 where the step runs in f32
// (BF16 ends a little earlier), f64 where it runs in f64.
enum class Wider : uint8_t { none, bf16, f32, f64 };

constexpr const char* kRemedies[] = {
    "the numbers are too large for the arithmetic: give coefficients that are nearer to 0",
    "store the result in a dtype with more range (--dtype bf16 or f32)",
    "store the result in a dtype with more range (--dtype f32)",
    "store the result in a dtype with more range (--dtype f64)",
};

Wider wider_dtype(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step) {
  for (size_t k = 0; k < step.source_count; ++k) {
    const Source source = plan.source(step, k);
    if (checkpoints[source.checkpoint].tensors[source.tensor].dtype == Dtype::F64) return Wider::f64;
  }
  return step.dtype == Dtype::BF16 ? Wider::f32 : Wider::bf16;
}

}  // namespace

void check_non_finite(const Plan& plan, std::span<const Checkpoint> checkpoints, const StepReport& step_report) {
  if (plan.recipe.nan == NanPolicy::warn) return;
  uint64_t values = 0;
  Wider wider = Wider::none;  // computing made them, not storing
  std::vector<std::string> lines;
  for (const auto& [index, counts] : step_report.losses) {
    if (counts.created == 0) continue;
    const Step& step = plan.steps[index];
    values += counts.created;
    if (counts.overflowed > 0) wider = std::max(wider, wider_dtype(plan, checkpoints, step));
    lines.push_back(sentence(checkpoints[step.named.checkpoint].tensors[step.named.tensor].name, ": ",
                             counted(counts.created, "value")));
  }
  if (lines.empty()) return;
  const std::string sentence_of_all =
      sentence("the result would have ", counted(values, "value"), values == 1 ? " that is" : " that are",
               " NaN or Inf where no input has one, in ", counted(lines.size(), "tensor"), "; ",
               kRemedies[static_cast<size_t>(wider)], ", or take them (--nan warn)");
  throw Error(ErrorCode::mismatch, "", sentence_of_all, std::move(lines));
}

}  // namespace ckmerge
