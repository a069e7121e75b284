// SPDX-License-Identifier: Apache-2.0
// Whole differences of LyCORIS: W + s diff, bias + s diff_b; of its norms the same under other names. They are read
// where they lie when they are wanted, since they are as large as what they change.
#include <algorithm>
#include <memory>
#include <vector>

#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr uint64_t kElementsAtATime = 16 << 10;

struct Names {
  std::string_view weight, bias;
};
constexpr Names kFull = {"diff", "diff_b"}, kNorm = {"w_norm", "b_norm"};

class WholeDifference : public ModuleChange {
 public:
  WholeDifference(const Adapter& adapter, const Factor& factor, uint64_t columns, double strength)
      : adapter_(adapter), factor_(factor), columns_(columns), strength_(static_cast<float>(strength)) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    std::vector<float> some;
    const uint64_t size = count * columns_;
    for (uint64_t at = 0; at < size; at += kElementsAtATime) {
      some.resize(std::min(kElementsAtATime, size - at));
      read_elements(adapter_, factor_, first * columns_ + at, some);
      for (size_t i = 0; i < some.size(); ++i) weight[at + i] += some[i] * strength_;
    }
  }

  uint64_t memory() const override { return sizeof(*this); }

 private:
  const Adapter& adapter_;
  Factor factor_;
  uint64_t columns_;
  float strength_;
};

template <const Names& kNames>
std::string differences_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  const std::string_view name = weight.is_bias ? kNames.bias : kNames.weight;
  if (std::string lacking = lacking_factor(module, {name}); !lacking.empty()) return lacking;
  const Shape shape = factor_tensor(adapter, factor(module, name)).shape;
  if (std::string wrong = misfit(weight, false, name, rows_of(shape), name, columns_of(shape)); !wrong.empty())
    return wrong;
  const auto extents = [](Shape all) {
    std::vector<uint64_t> some(all.begin(), all.end());
    std::erase(some, uint64_t{1});
    return some;
  };
  if (extents(shape) == extents(weight.shape)) return {};
  return misfit(name, shape, weight);
}

uint64_t differences_memory(const Adapter& /*adapter*/, const AdapterModule& /*module*/,
                            const ModuleWeight& /*weight*/) {
  return sizeof(WholeDifference) + 2 * kElementsAtATime * sizeof(float);
}

template <const Names& kNames>
std::unique_ptr<ModuleChange> open_differences(const Adapter& adapter, const AdapterModule& module,
                                               const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const Factor& changed = factor(module, weight.is_bias ? kNames.bias : kNames.weight);
  return std::make_unique<WholeDifference>(adapter, changed, weight.columns(), module.scale * strength);
}

template <const Names& kNames>
ChangedParts differences_parts(const Adapter& /*adapter*/, const AdapterModule& module) {
  return {.weight = find_factor(module, kNames.weight) != nullptr, .bias = find_factor(module, kNames.bias) != nullptr};
}

}  // namespace

constexpr AdapterKind kFullKind = {.name = "full difference",
                                   .fault = differences_fault<kFull>,
                                   .memory = differences_memory,
                                   .open = open_differences<kFull>,
                                   .parts = differences_parts<kFull>};
constexpr AdapterKind kNormKind = {.name = "norm",
                                   .fault = differences_fault<kNorm>,
                                   .memory = differences_memory,
                                   .open = open_differences<kNorm>,
                                   .parts = differences_parts<kNorm>};

}  // namespace ckmerge
