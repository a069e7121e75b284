// SPDX-License-Identifier: Apache-2.0
// DeLoRA: W + B diag(lambda / (r |a_i| |b_i|)) A, each column times a norm: `delora_w_norm`, those of the columns of
// the weight that it was trained on, which the file has. Norms below 1e-4 count as 1e-4.
#include <algorithm>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/turning/row_sums.h"

namespace ckmerge {
namespace {

constexpr double kLeastNorm = 1e-4;

std::string delora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  constexpr std::string_view kNames[] = {"delora_A", "delora_B", "delora_lambda", "delora_w_norm"};
  if (std::string lacking = lacking_factor(module, {kNames[0], kNames[1], kNames[2], kNames[3]}); !lacking.empty())
    return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (std::string other = no_matrix(weight, "DeLoRA"); !other.empty()) return other;
  const Shape a = factor_tensor(adapter, factor(module, kNames[0])).shape;
  const Shape b = factor_tensor(adapter, factor(module, kNames[1])).shape;
  const uint64_t norms = factor_tensor(adapter, factor(module, kNames[3])).count;
  if (columns_of(b) != rows_of(a)) return misfit(kNames[1], columns_of(b), "columns", kNames[0], rows_of(a));
  if (factor_tensor(adapter, factor(module, kNames[2])).count != 1) return "delora_lambda is not one number";
  if (columns_of(a) != weight.columns())
    return misfit(kNames[0], columns_of(a), "columns", "the weight", weight.columns());
  if (rows_of(b) != weight.rows()) return misfit(kNames[1], rows_of(b), "rows", "the weight", weight.rows());
  return norms == weight.columns() ? ""
                                   : misfit(kNames[3], norms, "numbers", "columns of the weight", weight.columns());
}

uint64_t delora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t rank = rows_of(factor_tensor(adapter, factor(module, "delora_A")).shape);
  return FactorProduct::memory(weight.rows(), 2 * rank, weight.columns()) + weight.columns() * sizeof(float);
}

std::unique_ptr<ModuleChange> open_delora(const Adapter& adapter, const AdapterModule& module,
                                          const ModuleWeight& /*weight*/, double strength, const ReadRows& /*base*/) {
  FactorMatrix a = read_matrix(adapter, factor(module, "delora_A"));
  FactorMatrix b = read_matrix(adapter, factor(module, "delora_B"));
  const FactorMatrix b_turned = transposed(b);
  const std::vector<float> norms = read_factor(adapter, factor(module, "delora_w_norm"));
  const double lambda = double{read_factor(adapter, factor(module, "delora_lambda")).front()};
  for (uint64_t k = 0; k < a.rows; ++k) {
    const double of_a = norm(std::span<const float>(a.row(k), a.columns));
    const double of_b = norm(std::span<const float>(b_turned.row(k), b_turned.columns));
    const double factor =
        lambda / static_cast<double>(a.rows) / (std::max(of_a, kLeastNorm) * std::max(of_b, kLeastNorm));
    for (uint64_t i = 0; i < a.columns; ++i)
      a.row(k)[i] = static_cast<float>(double{a.row(k)[i]} * double{norms[i]} * factor);
  }
  return std::make_unique<AddedProduct>(std::move(b), a, strength);
}

}  // namespace

const AdapterKind kDeloraKind = {
    .name = "DeLoRA", .adds = true, .fault = delora_fault, .memory = delora_memory, .open = open_delora};

}  // namespace ckmerge
