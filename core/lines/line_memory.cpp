// SPDX-License-Identifier: Apache-2.0
#include "core/lines/line_memory.h"

#include <algorithm>

#include "core/lines/line_window.h"
#include "core/lines/model_numbers.h"
#include "core/plan/step_rows.h"

namespace ckmerge {
namespace {

// Reductions over lines of one round, at most.
uint64_t reductions_of(const StatisticSet& set) {
  uint64_t most = 0;
  for (const TensorCoefficients& made : set.coefficients)
    if (made.over != Over::tensor) most = std::max<uint64_t>(most, made.reduction_count);
  return most;
}

void add_step(const StatisticSet& set, std::span<const uint64_t> shape, uint64_t elements, LineMemory& memory) {
  const uint64_t reductions = reductions_of(set);
  uint64_t held = 0, kept = 0, window = 0, strip = 0;
  uint16_t end = 0;  // of the lines' numbers that were seen: a method's rounds share theirs
  for (const TensorCoefficients& made : set.coefficients) {
    if (made.over == Over::tensor) continue;
    const Lines lines = lines_of(made.over, shape);
    const uint64_t count = lines.count(elements);
    const uint64_t at_once = std::min(count, LineWindow::kElements / (lines.are_rows() ? lines.length : 1) + 2);
    if (!lines.are_rows()) {
      strip = std::max(strip, reductions * std::min(lines.inner, strip_blocks(lines) * kReductionBlock));
      held += reductions * count;
    }
    window += (reductions + 2 * made.line_count) * at_once;
    if (made.first_line < end) continue;
    end = static_cast<uint16_t>(made.first_line + made.line_count);
    held += made.line_count * count;
    kept += made.line_count * count;
  }
  // Sums of columns are gone with their walk. What waits for the model's range is of all tensors there.
  const bool waits = std::ranges::any_of(set.coefficients, wants_model);
  memory.of_model += waits ? kept * sizeof(double) : 0;
  memory.at_once = std::max({memory.at_once, memory.of_model, kept * sizeof(double)});
  memory.all += held * sizeof(double);
  memory.largest = std::max(memory.largest, held * sizeof(double));
  memory.per_worker = std::max(memory.per_worker, (window + strip) * sizeof(double));
}

}  // namespace

LineMemory line_memory(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  LineMemory memory;
  for (const Step& step : plan.steps)
    if (step.size > 0 && needs_statistics(plan, step) && statistics_of(plan, step).has_lines())
      add_step(statistics_of(plan, step), facts_of(checkpoints, step).shape, element_count(step), memory);
  return memory;
}

}  // namespace ckmerge
