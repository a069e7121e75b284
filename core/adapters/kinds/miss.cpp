// SPDX-License-Identifier: Apache-2.0
// MiSS: row j mod r of the block (r, out) is added to column j of W (out, in). A block with fewer columns ("mini") is
// repeated. One of three dimensions is another kind (core/adapters/acting/miss_bat).
#include <memory>
#include <utility>

#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"

namespace ckmerge {
namespace {

std::string miss_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding || weight.transposed) return "MiSS changes weights of Linear only";
  if (std::string lacking = lacking_factor(module, {"miss_block"}); !lacking.empty()) return lacking;
  const Shape shape = factor_tensor(adapter, factor(module, "miss_block")).shape;
  if (shape.size() != 2 || shape[0] == 0 || shape[1] == 0) return "miss_block is no matrix";
  return weight.rows() % shape[1] == 0 ? "" : misfit("miss_block", shape[1], "columns", "the weight", weight.rows());
}

uint64_t miss_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& /*weight*/) {
  return 2 * sizeof(float) * factor_tensor(adapter, factor(module, "miss_block")).count;
}

class MissChange : public ModuleChange {
 public:
  MissChange(FactorMatrix turned, uint64_t columns, double strength)
      : block_(std::move(turned)), columns_(columns), strength_(static_cast<float>(strength)) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    float* out = weight.data();
    for (uint64_t row = first; row < first + count; ++row, out += columns_) {
      const float* const added = block_.row(row % block_.rows);
      for (uint64_t j = 0; j < columns_; ++j) out[j] += added[j % block_.columns] * strength_;
    }
  }

  uint64_t memory() const override { return sizeof(*this) + block_.elements.size() * sizeof(float); }

 private:
  FactorMatrix block_;  // (out, r)
  uint64_t columns_;
  float strength_;
};

std::unique_ptr<ModuleChange> open_miss(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& /*base*/) {
  return std::make_unique<MissChange>(transposed(read_matrix(adapter, factor(module, "miss_block"))), weight.columns(),
                                      module.scale * strength);
}

}  // namespace

constexpr AdapterKind kMissKind = {.name = "MiSS", .fault = miss_fault, .memory = miss_memory, .open = open_miss};

}  // namespace ckmerge
