// SPDX-License-Identifier: Apache-2.0
// Uni-LoRA: a LoRA whose factors are elements of one vector, each times a scale. Which elements and scales is in the
// file only where it was saved with them (save_indices).
#include <memory>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

struct Names {
  std::string_view indices, scales;
};
constexpr Names kDown = {"unilora_indices_A", "unilora_scales_A"}, kUp = {"unilora_indices_B", "unilora_scales_B"};
constexpr std::string_view kVector = "unilora_theta_d";

std::string unilora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module, {kDown.indices, kUp.indices}); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding) return "Uni-LoRA changes weights of Linear only";
  if (std::string lacking = lacking_factor(module, {kVector, kDown.indices, kDown.scales, kUp.indices, kUp.scales});
      !lacking.empty())
    return sentence(lacking, " (save_indices=False)");
  const auto tensor = [&](std::string_view name) { return factor_tensor(adapter, factor(module, name)); };
  for (const Names& names : {kDown, kUp})
    if (tensor(names.indices).count != tensor(names.scales).count)
      return misfit(names.scales, tensor(names.scales).count, "elements", names.indices, tensor(names.indices).count);
  const Shape down = tensor(kDown.indices).shape, up = tensor(kUp.indices).shape;
  if (columns_of(up) != rows_of(down))
    return misfit(kUp.indices, columns_of(up), "columns", sentence(kDown.indices, " has rank"), rows_of(down));
  return misfit(weight, weight.transposed, kUp.indices, rows_of(up), kDown.indices, columns_of(down));
}

uint64_t unilora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t rank = rows_of(factor_tensor(adapter, factor(module, kDown.indices)).shape);
  return 4 * FactorProduct::memory(weight.rows(), rank, weight.columns()) +
         sizeof(float) * factor_tensor(adapter, factor(module, kVector)).count;
}

FactorMatrix read_factors(const Adapter& adapter, const AdapterModule& module, const Names& names,
                          const std::vector<float>& vector) {
  FactorMatrix made = read_matrix(adapter, factor(module, names.scales));
  const std::vector<uint64_t> places = read_indices(adapter, factor(module, names.indices));
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i] >= vector.size())
      throw Error(ErrorCode::malformed, adapter.file.path,
                  sentence(adapter.file.path, ": ", names.indices, " of '", module.name, "' names an element that ",
                           kVector, " does not have"));
    made.elements[i] = vector[places[i]] * made.elements[i];
  }
  return made;
}

std::unique_ptr<ModuleChange> open_unilora(const Adapter& adapter, const AdapterModule& module,
                                           const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const std::vector<float> vector = read_factor(adapter, factor(module, kVector));
  return added_product(read_factors(adapter, module, kUp, vector), read_factors(adapter, module, kDown, vector),
                       weight.transposed, module.scale * strength);
}

}  // namespace

constexpr AdapterKind kUniloraKind = {
    .name = "Uni-LoRA", .fault = unilora_fault, .memory = unilora_memory, .open = open_unilora};

}  // namespace ckmerge
