// SPDX-License-Identifier: Apache-2.0
// GLoRA of LyCORIS: W + s (W a1 a2 + b1 b2), where a1 (in, r) and a2 (r, in) act on the inputs of every element of a
// kernel alike. PEFT's kind of that name is another (core/adapters/acting/peft_glora).
#include <algorithm>
#include <memory>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

uint64_t inputs_of(const ModuleWeight& weight) { return weight.shape.size() < 2 ? 1 : weight.shape[1]; }

std::string glora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding || weight.transposed)
    return "GLoRA changes weights of Linear and Conv only";
  if (find_factor(module, "bm")) return "it has bm, a core that LyCORIS never writes";
  if (std::string lacking = lacking_factor(module, {"a1", "a2", "b1", "b2"}); !lacking.empty()) return lacking;
  const auto shape = [&](std::string_view name) { return factor_tensor(adapter, factor(module, name)).shape; };
  for (const auto& [left, right] : {std::pair("a1", "a2"), std::pair("b1", "b2")})
    if (columns_of(shape(left)) != rows_of(shape(right)))
      return misfit(right, rows_of(shape(right)), "rows", sentence(left, " has rank"), columns_of(shape(left)));
  const uint64_t in = inputs_of(weight);
  if (rows_of(shape("a1")) != in) return misfit("a1", rows_of(shape("a1")), "rows", "the weight has inputs", in);
  if (columns_of(shape("a2")) != in)
    return misfit("a2", columns_of(shape("a2")), "columns", "the weight has inputs", in);
  return misfit(weight, false, "b1", rows_of(shape("b1")), "b2", columns_of(shape("b2")));
}

uint64_t glora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t of_a = columns_of(factor_tensor(adapter, factor(module, "a1")).shape);
  const uint64_t of_b = columns_of(factor_tensor(adapter, factor(module, "b1")).shape);
  const uint64_t in = inputs_of(weight), kernel = weight.columns() / std::max<uint64_t>(1, in);
  return 2 * (FactorProduct::memory(in, of_a, in) + FactorProduct::memory(weight.rows(), of_b, weight.columns())) +
         sizeof(float) * (3 * weight.columns() + kernel * of_a);
}

class GloraChange : public ModuleChange {
 public:
  GloraChange(FactorPanels in, FactorPanels out, FactorProduct added, uint64_t kernel, double factor)
      : in_(std::move(in)),
        out_(std::move(out)),
        added_(std::move(added)),
        kernel_(kernel),
        factor_(static_cast<float>(factor)) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    for (uint64_t row = 0; row < count; ++row)
      change(first + row, weight.subspan(row * added_.columns(), added_.columns()));
  }

  uint64_t memory() const override { return sizeof(*this) + in_.memory() + out_.memory() + added_.memory(); }

 private:
  // A row of the weight is a matrix of inputs by elements of the kernel, which both factors of a act on turned.
  void change(uint64_t row, std::span<float> weight) const {
    const uint64_t inputs = in_.depth();
    std::vector<float> turned(weight.size()), inner(kernel_ * in_.columns()), changed(weight.size()),
        sum(weight.size());
    for (uint64_t i = 0; i < inputs; ++i)
      for (uint64_t k = 0; k < kernel_; ++k) turned[k * inputs + i] = weight[i * kernel_ + k];
    in_.add(turned.data(), kernel_, 1, inner.data());
    out_.add(inner.data(), kernel_, 1, changed.data());
    added_.add(row, 1, 1, sum);
    for (uint64_t i = 0; i < inputs; ++i)
      for (uint64_t k = 0; k < kernel_; ++k)
        weight[i * kernel_ + k] += (sum[i * kernel_ + k] + changed[k * inputs + i]) * factor_;
  }

  FactorPanels in_, out_;
  FactorProduct added_;
  uint64_t kernel_;  // elements
  float factor_;
};

std::unique_ptr<ModuleChange> open_glora(const Adapter& adapter, const AdapterModule& module,
                                         const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const auto read = [&](std::string_view name) { return read_matrix(adapter, factor(module, name)); };
  return std::make_unique<GloraChange>(FactorPanels(read("a1")), FactorPanels(read("a2")),
                                       FactorProduct(read("b1"), read("b2")), weight.columns() / inputs_of(weight),
                                       module.scale * strength);
}

}  // namespace

constexpr AdapterKind kLycorisGloraKind = {
    .name = "GLoRA of LyCORIS", .adds = false, .fault = glora_fault, .memory = glora_memory, .open = open_glora};

}  // namespace ckmerge
