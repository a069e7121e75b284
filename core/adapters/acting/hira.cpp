// SPDX-License-Identifier: Apache-2.0
// HiRA: W' = W (1 + strength B A), element by element, and nothing else scales it. A Conv's A has the kernel's extents;
// an embedding's and a transposed weight's change is (B A)^T.
#include <algorithm>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"

namespace ckmerge {
namespace {

struct Names {
  std::string_view down, up;
};

Names names(const AdapterModule& module) {
  if (find_factor(module, "hira_embedding_A")) return {"hira_embedding_A", "hira_embedding_B"};
  return {"hira_A", "hira_B"};
}

bool is_turned(const AdapterModule& module, const ModuleWeight& weight) {
  return weight.transposed || find_factor(module, "hira_embedding_A");
}

std::string hira_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Names name = names(module);
  if (std::string lacking = lacking_factor(module, {name.down, name.up}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.experts != 1) return "HiRA of experts is not known";
  const Shape down = factor_tensor(adapter, factor(module, name.down)).shape;
  const Shape up = factor_tensor(adapter, factor(module, name.up)).shape;
  if (columns_of(up) != rows_of(down)) return misfit(name.up, columns_of(up), "columns", name.down, rows_of(down));
  const bool turned = is_turned(module, weight);
  const uint64_t in = turned ? weight.rows() : weight.columns(), out = turned ? weight.columns() : weight.rows();
  if (columns_of(down) != in) return misfit(name.down, columns_of(down), "columns", "the weight", in);
  return rows_of(up) == out ? "" : misfit(name.up, rows_of(up), "rows", "the weight", out);
}

uint64_t hira_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t rank = rows_of(factor_tensor(adapter, factor(module, names(module).down)).shape);
  return 2 * FactorProduct::memory(weight.rows(), rank, weight.columns()) + weight.columns() * sizeof(float);
}

class Multiplied : public ModuleChange {
 public:
  Multiplied(FactorMatrix left, const FactorMatrix& right, double strength)
      : product_(std::move(left), right), strength_(static_cast<float>(strength)) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    std::vector<float> factors(product_.columns());
    for (uint64_t i = 0; i < count; ++i) {
      std::ranges::fill(factors, 0);
      product_.add(first + i, 1, strength_, factors);
      const std::span<float> row = row_of(weight, i, factors.size());
      for (size_t k = 0; k < row.size(); ++k) row[k] = static_cast<float>(double{row[k]} * (1 + double{factors[k]}));
    }
  }
  uint64_t memory() const override { return sizeof(*this) + product_.memory(); }

 private:
  FactorProduct product_;
  float strength_;
};

std::unique_ptr<ModuleChange> open_hira(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& /*base*/) {
  const Names name = names(module);
  FactorMatrix down = read_matrix(adapter, factor(module, name.down));
  FactorMatrix up = read_matrix(adapter, factor(module, name.up));
  if (is_turned(module, weight)) return std::make_unique<Multiplied>(transposed(down), transposed(up), strength);
  return std::make_unique<Multiplied>(std::move(up), down, strength);
}

}  // namespace

const AdapterKind kHiraKind = {
    .name = "HiRA", .adds = false, .fault = hira_fault, .memory = hira_memory, .open = open_hira};

}  // namespace ckmerge
