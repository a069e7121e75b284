// SPDX-License-Identifier: Apache-2.0
// HRA: the inputs of a layer are mirrored, W' = W (I - 2 u1 u1^T) (I - 2 u2 u2^T) .., from left to right, by the
// columns u of `hra_u` (inputs, r) at unit length, or, with apply_GS, by what Gram and Schmidt make of them. PEFT has
// no strengths for it; here they go from W to W'.
#include <algorithm>
#include <cmath>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/turning/row_sums.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

std::string hra_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string lacking = lacking_factor(module, {"hra_u"}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (std::string other = no_matrix(weight, "HRA"); !other.empty()) return other;
  const Shape shape = factor_tensor(adapter, factor(module, "hra_u")).shape;
  if (shape.size() != 2) return "hra_u is no matrix";
  return shape[0] == weight.columns() ? "" : misfit("hra_u", shape[0], "rows", "the weight", weight.columns());
}

uint64_t hra_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t count = factor_tensor(adapter, factor(module, "hra_u")).count;
  return count * (sizeof(float) + sizeof(double)) + weight.columns() * sizeof(double);
}

class Mirrors : public ModuleChange {
 public:
  Mirrors(uint64_t columns, double strength) : columns_(columns), strength_(strength) {}

  // Takes `mirror` at unit length, after what it has of those before, where `orthogonal`, was taken out one by one.
  void add(std::vector<double> mirror, bool orthogonal, const Adapter& adapter, const AdapterModule& module) {
    for (const std::vector<double>& before : mirrors_)
      if (orthogonal) add_scaled(mirror, -sum_of_products(std::span<const double>(before), mirror), before);
    const double length = norm(std::span<const double>(mirror));
    if (!(length > 0))
      throw Error(ErrorCode::malformed, adapter.file.path,
                  sentence(adapter.file.path, ": a column of hra_u of module '", module.name,
                           "' has no direction, so that nothing can be mirrored by it: train or save it anew"));
    for (double& value : mirror) value /= length;
    mirrors_.push_back(std::move(mirror));
  }

  void apply(uint64_t /*first*/, uint64_t count, std::span<float> weight) const override {
    std::vector<double> made(columns_);
    for (uint64_t i = 0; i < count; ++i) {
      const std::span<float> row = row_of(weight, i, columns_);
      std::copy(row.begin(), row.end(), made.begin());
      for (const std::vector<double>& mirror : mirrors_)
        add_scaled(made, -2 * sum_of_products(std::span<const double>(made), mirror), mirror);
      for (uint64_t k = 0; k < columns_; ++k) row[k] = blended(row[k], made[k], strength_);
    }
  }
  uint64_t memory() const override { return sizeof(*this) + mirrors_.size() * columns_ * sizeof(double); }

 private:
  std::vector<std::vector<double>> mirrors_;
  uint64_t columns_;
  double strength_;
};

std::unique_ptr<ModuleChange> open_hra(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                       double strength, const ReadRows& /*base*/) {
  const FactorMatrix u = read_matrix(adapter, factor(module, "hra_u"));
  auto result = std::make_unique<Mirrors>(weight.columns(), strength);
  for (uint64_t k = 0; k < u.columns; ++k) {
    std::vector<double> mirror(u.rows);
    for (uint64_t i = 0; i < u.rows; ++i) mirror[i] = double{u.row(i)[k]};
    result->add(std::move(mirror), has_flag(module, "apply_GS"), adapter, module);
  }
  return result;
}

}  // namespace

const AdapterKind kHraKind = {.name = "HRA", .adds = false, .fault = hra_fault, .memory = hra_memory, .open = open_hra};

}  // namespace ckmerge
