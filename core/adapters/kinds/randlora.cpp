// SPDX-License-Identifier: Apache-2.0
// RandLoRA: W + s UB UA, or its transpose where the weight has more columns than rows. UA (r n, smaller) is
// lambda[r, n] A[r, smaller] gamma[n, smaller], with the rank outside; UB (larger, n r) is B (larger, n, r) as it lies,
// with the base outside. So a rank and a base are multiplied with others than in the paper; that is what PEFT computes.
#include <algorithm>
#include <memory>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

struct Extents {
  uint64_t rank = 0, bases = 0, smaller = 0, larger = 0;
  bool turned = false;  ///< the product is (larger, smaller), the weight the other way
};

Extents extents(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Shape lambda = factor_tensor(adapter, factor(module, "randlora_lambda")).shape;
  const uint64_t rows = weight.rows(), columns = weight.columns();
  const bool is_wide = weight.transposed ? rows > columns : columns > rows;  // more inputs than outputs
  return {rows_of(lambda), columns_of(lambda), std::min(rows, columns), std::max(rows, columns),
          is_wide != weight.transposed};
}

std::string randlora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding) return "RandLoRA changes weights of Linear only";
  if (std::string lacking = lacking_factor(module, {"randlora_lambda", "randlora_gamma"}); !lacking.empty())
    return lacking;
  if (!find_factor(module, "randlora_A") || !find_factor(module, "randlora_B"))
    return "randlora_A and randlora_B are not in the file (save_projection=False)";
  const auto shape = [&](std::string_view name) { return factor_tensor(adapter, factor(module, name)).shape; };
  const Shape a = shape("randlora_A"), b = shape("randlora_B"), gamma = shape("randlora_gamma");
  const Extents e = extents(adapter, module, weight);
  if (a.size() != 3 || b.size() != 3 || a[0] != e.rank || b[2] != e.rank || a[1] == 0)
    return sentence("randlora_A and randlora_B do not have rank ", e.rank);
  if (rows_of(gamma) != e.bases) return misfit("randlora_gamma", rows_of(gamma), "rows", "randlora_lambda", e.bases);
  if (columns_of(gamma) != e.smaller)
    return misfit("randlora_gamma", columns_of(gamma), "columns", "the weight's smaller side is", e.smaller);
  if (a[2] < e.smaller) return misfit("randlora_A", a[2], "columns", "the weight needs", e.smaller);
  if (b[0] < e.larger) return misfit("randlora_B", b[0], "rows", "the weight needs", e.larger);
  return b[1] < e.bases ? misfit("randlora_B", b[1], "bases", "randlora_lambda", e.bases) : "";
}

uint64_t randlora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Extents e = extents(adapter, module, weight);
  return 2 * FactorProduct::memory(e.larger, e.rank * e.bases, e.smaller) + 2 * sizeof(float) * e.bases * e.smaller;
}

FactorMatrix read_down(const Adapter& adapter, const AdapterModule& module, const Extents& e) {
  const Shape a = factor_tensor(adapter, factor(module, "randlora_A")).shape;
  const FactorMatrix lambda = read_matrix(adapter, factor(module, "randlora_lambda"));
  const FactorMatrix gamma = read_matrix(adapter, factor(module, "randlora_gamma"));
  FactorMatrix down{e.rank * e.bases, e.smaller, std::vector<float>(e.rank * e.bases * e.smaller)};
  std::vector<float> base(e.smaller);
  for (uint64_t k = 0; k < e.rank; ++k) {
    read_elements(adapter, factor(module, "randlora_A"), k * a[1] * a[2], base);
    for (uint64_t n = 0; n < e.bases; ++n)
      for (uint64_t j = 0; j < e.smaller; ++j)
        down.row(k * e.bases + n)[j] = lambda.row(k)[n] * base[j] * gamma.row(n)[j];
  }
  return down;
}

FactorMatrix read_up(const Adapter& adapter, const AdapterModule& module, const Extents& e) {
  const Shape b = factor_tensor(adapter, factor(module, "randlora_B")).shape;
  FactorMatrix up{e.larger, e.bases * e.rank, std::vector<float>(e.larger * e.bases * e.rank)};
  for (uint64_t i = 0; i < e.larger; ++i)
    read_elements(adapter, factor(module, "randlora_B"), i * b[1] * b[2], {up.row(i), up.columns});
  return up;
}

std::unique_ptr<ModuleChange> open_randlora(const Adapter& adapter, const AdapterModule& module,
                                            const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const Extents e = extents(adapter, module, weight);
  return added_product(read_up(adapter, module, e), read_down(adapter, module, e), e.turned, module.scale * strength);
}

}  // namespace

constexpr AdapterKind kRandloraKind = {
    .name = "RandLoRA", .fault = randlora_fault, .memory = randlora_memory, .open = open_randlora};

}  // namespace ckmerge
