// SPDX-License-Identifier: Apache-2.0
// AdaLoRA: W + s B (E * A), E a number for each row of A. What was pruned is not in the file; its divisor, the rank
// before pruning, is in s.
#include <memory>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

std::string adalora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding) return "AdaLoRA changes weights of Linear and Conv only";
  if (std::string lacking = lacking_factor(module, {"lora_A", "lora_B", "lora_E"}); !lacking.empty()) return lacking;
  const Shape down = factor_tensor(adapter, factor(module, "lora_A")).shape;
  const Shape up = factor_tensor(adapter, factor(module, "lora_B")).shape;
  const uint64_t rank = rows_of(down), numbers = factor_tensor(adapter, factor(module, "lora_E")).count;
  if (columns_of(up) != rank) return misfit("lora_B", columns_of(up), "columns", "lora_A has rank", rank);
  if (numbers != rank) return misfit("lora_E", numbers, "elements", "lora_A has rank", rank);
  return misfit(weight, weight.transposed, "lora_B", rows_of(up), "lora_A", columns_of(down));
}

uint64_t adalora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t rank = rows_of(factor_tensor(adapter, factor(module, "lora_A")).shape);
  return 2 * FactorProduct::memory(weight.rows(), rank, weight.columns());
}

std::unique_ptr<ModuleChange> open_adalora(const Adapter& adapter, const AdapterModule& module,
                                           const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  FactorMatrix down = read_matrix(adapter, factor(module, "lora_A"));
  const std::vector<float> numbers = read_factor(adapter, factor(module, "lora_E"));
  for (uint64_t k = 0; k < down.rows; ++k)
    for (uint64_t j = 0; j < down.columns; ++j) down.row(k)[j] *= numbers[k];
  return added_product(read_matrix(adapter, factor(module, "lora_B")), std::move(down), weight.transposed,
                       module.scale * strength);
}

}  // namespace

constexpr AdapterKind kAdaloraKind = {
    .name = "AdaLoRA", .fault = adalora_fault, .memory = adalora_memory, .open = open_adalora};

}  // namespace ckmerge
