// SPDX-License-Identifier: Apache-2.0
// C3A: blocks that are circulants of a kernel (out/b, in/b, b), by the number of inputs: element [i, j] of a block is
// kernel[(j - i) mod b] / in.
#include <memory>
#include <utility>

#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"

namespace ckmerge {
namespace {

std::string c3a_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding || weight.transposed) return "C3A changes weights of Linear only";
  if (std::string lacking = lacking_factor(module, {"c3a_kernel"}); !lacking.empty()) return lacking;
  const Shape shape = factor_tensor(adapter, factor(module, "c3a_kernel")).shape;
  if (shape.size() != 3) return "c3a_kernel has not the three dimensions of blocks and kernels";
  return misfit(weight, false, "c3a_kernel", shape[0] * shape[2], "c3a_kernel", shape[1] * shape[2]);
}

uint64_t c3a_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& /*weight*/) {
  return sizeof(float) * factor_tensor(adapter, factor(module, "c3a_kernel")).count;
}

class C3aChange : public ModuleChange {
 public:
  C3aChange(std::vector<float> kernels, uint64_t size, uint64_t columns, double factor)
      : kernels_(std::move(kernels)), size_(size), columns_(columns), factor_(static_cast<float>(factor)) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    float* out = weight.data();
    for (uint64_t row = first; row < first + count; ++row, out += columns_) {
      const float* const kernels = kernels_.data() + row / size_ * columns_;  // one of each block of this row
      for (uint64_t j = 0; j < columns_; ++j) {
        const uint64_t block = j / size_ * size_;
        out[j] += kernels[block + (j % size_ + size_ - row % size_) % size_] * factor_;
      }
    }
  }

  uint64_t memory() const override { return sizeof(*this) + kernels_.size() * sizeof(float); }

 private:
  std::vector<float> kernels_;
  uint64_t size_, columns_;
  float factor_;
};

std::unique_ptr<ModuleChange> open_c3a(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                       double strength, const ReadRows& /*base*/) {
  const Factor& kernel = factor(module, "c3a_kernel");
  return std::make_unique<C3aChange>(read_factor(adapter, kernel), factor_tensor(adapter, kernel).shape[2],
                                     weight.columns(), module.scale * strength / static_cast<double>(weight.columns()));
}

}  // namespace

constexpr AdapterKind kC3aKind = {.name = "C3A", .fault = c3a_fault, .memory = c3a_memory, .open = open_c3a};

}  // namespace ckmerge
