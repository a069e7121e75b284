// SPDX-License-Identifier: Apache-2.0
#include "core/read/buffer_values.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/plan/buffer_warnings.h"
#include "core/read/small_values.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

Tensor tensor_of(std::span<const Checkpoint> checkpoints, Source source) {
  return checkpoints[source.checkpoint].tensors[source.tensor];
}

bool are_in_order(const std::vector<double>& values, uint64_t row) {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] != static_cast<double>(i % row)) return false;
  return true;
}

// Equal as far as bf16's 8 bits and f16's smallest numbers go; Inf and NaN as they are.
bool are_near(const std::vector<double>& a, const std::vector<double>& b) {
  constexpr double kHalfStep = 1.0 / 256, kSmallest = 1.0 / (1 << 24);
  return std::ranges::equal(a, b, [](double x, double y) {
    return x == y || std::fabs(x - y) <= kHalfStep * std::fabs(x) + kSmallest || (std::isnan(x) && std::isnan(y));
  });
}

// What was compared byte by byte differs; another dtype was not compared.
bool differs(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step) {
  const Source kept = plan.source(step);
  const Tensor first = tensor_of(checkpoints, kept);
  for (uint32_t s = 1; s < step.source_count; ++s) {
    const Source source = plan.source(step, s);
    const Tensor other = tensor_of(checkpoints, source);
    if (first.dtype == other.dtype && step.source_count == 2) return true;
    const auto x = small_values(checkpoints[kept.checkpoint], kept.tensor);
    const auto y = small_values(checkpoints[source.checkpoint], source.tensor);
    if (!x || !y || !(first.dtype == other.dtype ? *x == *y : are_near(*x, *y))) return true;
  }
  return false;
}

// Counters differ between any two trainings.
constexpr std::array<const char*, 6> kDiffering{
    "a mark of how the model is sampled differs",
    "the noise schedule differs",
    "a mask differs",
    "a table of positions differs",
    nullptr,
    "the routing of tokens to experts differs",
};

struct Found {
  size_t count = 0;
  std::string name;  // of the first
};

}  // namespace

std::vector<std::string> position_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  constexpr size_t kMost = 20;  // a model has one for each text encoder
  std::vector<std::string> warnings;
  for (const Step& step : plan.steps) {
    if (warnings.size() == kMost) break;
    if (step.named.checkpoint != 0 || step.program == Step::kCount || step.program == Step::kZero) continue;
    const BufferRow* const row = buffer_of(checkpoints, step);
    const Tensor tensor = tensor_of(checkpoints, step.named);
    if (!row || row->text != "position_ids" || tensor.shape.empty()) continue;
    const auto values = small_values(checkpoints[0], step.named.tensor);
    if (values && !are_in_order(*values, tensor.shape.back()))
      warnings.push_back(sentence(checkpoints[0].path, ": ", tensor.name, " (", info(tensor.dtype).name,
                                  ") is not 0, 1, 2, ..., which some merge has ruined; --mend writes it anew"));
  }
  return warnings;
}

std::vector<std::string> difference_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints,
                                             std::span<const uint32_t> differing) {
  std::array<Found, kDiffering.size()> found;
  for (const uint32_t index : differing) {
    const Step& step = plan.steps[index];
    if (step.action != Action::copy_buffer && step.action != Action::copy_positions) continue;
    const Tensor tensor = tensor_of(checkpoints, step.named);
    const BufferRow* const row = buffer_of(checkpoints, step);
    if (!row || !kDiffering[static_cast<size_t>(row->kind)] || !differs(plan, checkpoints, step)) continue;
    Found& kind = found[static_cast<size_t>(row->kind)];
    if (kind.count++ == 0) kind.name = tensor.name;
  }
  std::vector<std::string> warnings;
  for (size_t i = 0; i < found.size(); ++i)
    if (const Found& kind = found[i]; kind.count > 0)
      warnings.push_back(sentence(kDiffering[i], " between the checkpoints (", kind.name,
                                  kind.count > 1 ? sentence(" and ", counted(kind.count - 1, "other")) : "",
                                  "); that of ", checkpoints[0].path, " is kept"));
  return warnings;
}

}  // namespace ckmerge
