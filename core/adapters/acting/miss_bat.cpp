// SPDX-License-Identifier: Apache-2.0
// MiSS with init_weights "bat": the weight falls into blocks of r by r, and each block becomes W + W B + B, B the block
// of `miss_block` (outputs / r, r, r) that its rows have. Nothing but the config tells it from other MiSS. PEFT has no
// strengths for it; here they go from W to W'.
#include "core/adapters/acting/acting_row.h"
#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "core/layouts/reshaping.h"

namespace ckmerge {
namespace {

std::string miss_bat_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string lacking = lacking_factor(module, {"miss_block"}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (std::string other = no_matrix(weight, "MiSS"); !other.empty()) return other;
  const Shape shape = factor_tensor(adapter, factor(module, "miss_block")).shape;
  if (shape.size() != 3 || shape[1] == 0 || shape[1] != shape[2])
    return sentence("miss_block has the shape ", shape_text(shape), ", which is not that of square blocks");
  const bool fits = weight.rows() % shape[1] == 0 && weight.rows() / shape[1] == shape[0];
  if (fits && weight.columns() % shape[1] == 0) return {};
  return sentence("miss_block has the shape ", shape_text(shape), ", the weight ", shape_text(weight.shape));
}

uint64_t miss_bat_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  return factor_tensor(adapter, factor(module, "miss_block")).count * sizeof(float) + weight.columns() * sizeof(double);
}

class Bat : public ModuleChange {
 public:
  Bat(std::vector<float> blocks, uint64_t size, uint64_t columns, double strength)
      : blocks_(std::move(blocks)), size_(size), columns_(columns), strength_(strength) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    std::vector<double> sums(size_);
    for (uint64_t i = 0; i < count; ++i) {
      const float* const block = &blocks_[(first + i) / size_ * size_ * size_];
      const float* const own = block + (first + i) % size_ * size_;
      for (float* x = &weight[i * columns_]; x != &weight[i * columns_] + columns_; x += size_) {
        for (size_t to = 0; to < size_; ++to) sums[to] = double{own[to]};
        for (size_t from = 0; from < size_; ++from)
          for (size_t to = 0; to < size_; ++to) sums[to] += double{x[from]} * double{block[from * size_ + to]};
        for (size_t to = 0; to < size_; ++to) x[to] = static_cast<float>(double{x[to]} + strength_ * sums[to]);
      }
    }
  }
  uint64_t memory() const override { return sizeof(*this) + blocks_.size() * sizeof(float); }

 private:
  std::vector<float> blocks_;
  uint64_t size_, columns_;
  double strength_;
};

std::unique_ptr<ModuleChange> open_miss_bat(const Adapter& adapter, const AdapterModule& module,
                                            const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const Factor& blocks = factor(module, "miss_block");
  const uint64_t size = factor_tensor(adapter, blocks).shape[1];
  return std::make_unique<Bat>(read_factor(adapter, blocks), size, weight.columns(), strength);
}

}  // namespace

const AdapterKind kMissBatKind = {
    .name = "MiSS bat", .adds = false, .fault = miss_bat_fault, .memory = miss_bat_memory, .open = open_miss_bat};

}  // namespace ckmerge
