// SPDX-License-Identifier: Apache-2.0
// Numbers for some elements of the weight. SHiRA has their rows and columns, (2, n); SuperTuning their places in the
// weight as it lies in memory, and may have a LoRA besides, whose scale is lora_alpha / r. What is there twice is added
// twice, in the order of the file.
#include <algorithm>
#include <memory>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/kinds/sparse_change.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

struct Names {
  std::string_view values, places;
  uint64_t numbers_per_place = 1;
};
constexpr Names kShira = {"shira_weight", "shira_indices", 2};
constexpr Names kSuper = {"supertuning_values", "supertuning_indices"};
constexpr std::string_view kDown = "supertuning_lora_A", kUp = "supertuning_lora_B";

template <const Names& kNames>
std::string sparse_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module, {kNames.places}); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding) return "it changes weights of Linear only";
  if (std::string lacking = lacking_factor(module, {kNames.values, kNames.places}); !lacking.empty())
    return sentence(lacking, kNames.numbers_per_place == 1 ? " (save_precomputed_indices=False)" : "");
  const uint64_t values = factor_tensor(adapter, factor(module, kNames.values)).count;
  const uint64_t places = factor_tensor(adapter, factor(module, kNames.places)).count / kNames.numbers_per_place;
  if (values != places) return misfit(kNames.places, places, "places", sentence(kNames.values, " elements"), values);
  const Factor *const down = find_factor(module, kDown), *const up = find_factor(module, kUp);
  if (!down && !up) return {};
  if (!down || !up) return "it has one of the two factors of its LoRA";
  const Shape a = factor_tensor(adapter, *down).shape, b = factor_tensor(adapter, *up).shape;
  if (columns_of(b) != rows_of(a))
    return misfit(kUp, columns_of(b), "columns", "the other factor has rank", rows_of(a));
  return misfit(weight, weight.transposed, kUp, rows_of(b), kDown, columns_of(a));
}

template <const Names& kNames>
uint64_t sparse_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  uint64_t sum = 3 * sizeof(ChangedElement) * factor_tensor(adapter, factor(module, kNames.values)).count;
  if (const Factor* const down = find_factor(module, kDown))
    sum += 2 * FactorProduct::memory(weight.rows(), rows_of(factor_tensor(adapter, *down).shape), weight.columns());
  return sum;
}

// In the weight as the checkpoint has it.
std::vector<uint64_t> places_of(std::vector<uint64_t> numbers, const Names& names, const ModuleWeight& weight) {
  if (names.numbers_per_place == 1) return numbers;
  const size_t count = numbers.size() / 2;
  std::vector<uint64_t> places(count);
  for (size_t i = 0; i < count; ++i) places[i] = place_of(weight, numbers[i], numbers[count + i]);
  return places;
}

std::unique_ptr<ModuleChange> lora_of(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                      double strength) {
  const Factor* const down = find_factor(module, kDown);
  if (!down) return nullptr;
  const auto rank = static_cast<double>(rows_of(factor_tensor(adapter, *down).shape));
  const auto alpha = module.numbers.find("lora_alpha");
  const double scale = (alpha == module.numbers.end() ? rank : alpha->second) / rank;
  return added_product(read_matrix(adapter, factor(module, kUp)), read_matrix(adapter, *down), weight.transposed,
                       scale * strength);
}

template <const Names& kNames>
std::unique_ptr<ModuleChange> open_sparse(const Adapter& adapter, const AdapterModule& module,
                                          const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const std::vector<float> values = read_factor(adapter, factor(module, kNames.values));
  const std::vector<uint64_t> places = places_of(read_indices(adapter, factor(module, kNames.places)), kNames, weight);
  std::vector<ChangedElement> elements(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (places[i] >= weight.rows() * weight.columns())
      throw Error(ErrorCode::malformed, adapter.file.path,
                  sentence(adapter.file.path, ": ", kNames.places, " of '", module.name,
                           "' names an element that the weight does not have"));
    elements[i] = {places[i], values[i]};
  }
  return std::make_unique<SparseChange>(std::move(elements), weight.columns(), module.scale * strength,
                                        lora_of(adapter, module, weight, strength));
}

}  // namespace

constexpr AdapterKind kShiraKind = {
    .name = "SHiRA", .fault = sparse_fault<kShira>, .memory = sparse_memory<kShira>, .open = open_sparse<kShira>};
constexpr AdapterKind kSupertuningKind = {
    .name = "SuperTuning", .fault = sparse_fault<kSuper>, .memory = sparse_memory<kSuper>, .open = open_sparse<kSuper>};

}  // namespace ckmerge
