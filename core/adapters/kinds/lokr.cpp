// SPDX-License-Identifier: Apache-2.0
// LoKr: W + s kron(w1, w2). Either factor is whole or a product, w2 of a Conv maybe with a core (`lokr_t2`) between
// factors that lie the other way. Rows of w2 are made when they are wanted, so that it is never held where it is a
// product: with a small factor it is as large as the weight.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

struct Extents {
  uint64_t rows = 0, columns = 0, depth = 0;  ///< depth 0: it is whole
};

Extents whole_or_product(const Adapter& adapter, const AdapterModule& module, std::string_view whole,
                         std::string_view a, std::string_view b) {
  const auto shape = [&](std::string_view name) { return factor_tensor(adapter, factor(module, name)).shape; };
  if (find_factor(module, whole)) return {rows_of(shape(whole)), columns_of(shape(whole))};
  return {rows_of(shape(a)), columns_of(shape(b)), rows_of(shape(b))};
}

Extents first_extents(const Adapter& adapter, const AdapterModule& module) {
  return whole_or_product(adapter, module, "lokr_w1", "lokr_w1_a", "lokr_w1_b");
}

Extents second_extents(const Adapter& adapter, const AdapterModule& module) {
  Extents e = whole_or_product(adapter, module, "lokr_w2", "lokr_w2_a", "lokr_w2_b");
  const Factor* const core = find_factor(module, "lokr_t2");
  if (e.depth == 0 || !core) return e;
  e.rows = columns_of(factor_tensor(adapter, factor(module, "lokr_w2_a")).shape);
  e.columns *= columns_of(factor_tensor(adapter, *core).shape) / std::max<uint64_t>(1, e.depth);
  return e;
}

// PEFT's own: of a Conv1d the whole w2, of three dimensions, is multiplied with a w1 of two, which pairs the elements
// in another order, in its forward pass too.
bool is_mixed(const Adapter& adapter, const AdapterModule& module) {
  const Factor* const second = find_factor(module, "lokr_w2");
  return adapter.maker == AdapterMaker::peft && second && factor_tensor(adapter, *second).shape.size() == 3;
}

std::string lacking_part(const AdapterModule& module) {
  std::string lacking;
  if (!find_factor(module, "lokr_w1")) lacking = lacking_factor(module, {"lokr_w1_a", "lokr_w1_b"});
  if (lacking.empty() && !find_factor(module, "lokr_w2")) lacking = lacking_factor(module, {"lokr_w2_a", "lokr_w2_b"});
  return lacking;
}

std::string depth_fault(const Adapter& adapter, const AdapterModule& module) {
  const auto shape = [&](std::string_view name) { return factor_tensor(adapter, factor(module, name)).shape; };
  const Factor* const core = find_factor(module, "lokr_t2");
  for (const auto& [whole, a, b] :
       {std::array{"lokr_w1", "lokr_w1_a", "lokr_w1_b"}, std::array{"lokr_w2", "lokr_w2_a", "lokr_w2_b"}}) {
    if (find_factor(module, whole)) continue;
    const bool lies_other_way = core && std::string_view(a) == "lokr_w2_a";
    const uint64_t rank = lies_other_way ? rows_of(shape(a)) : columns_of(shape(a));
    if (rank != rows_of(shape(b))) return misfit(b, rows_of(shape(b)), "rows", sentence(a, " has rank"), rank);
    if (!lies_other_way) continue;
    const Shape extents = factor_tensor(adapter, *core).shape;
    if (extents.size() < 3 || extents[0] != rank || extents[1] != rank)
      return sentence("lokr_t2 does not lie between factors of rank ", rank);
  }
  return {};
}

std::string lokr_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding || weight.transposed) return "LoKr changes weights of Linear and Conv only";
  if (std::string lacking = lacking_part(module); !lacking.empty()) return lacking;
  if (std::string wrong = depth_fault(adapter, module); !wrong.empty()) return wrong;
  const Extents first = first_extents(adapter, module), second = second_extents(adapter, module);
  return misfit(weight, false, "the product of lokr_w1 and lokr_w2", first.rows * second.rows, "it",
                first.columns * second.columns);
}

uint64_t lokr_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& /*weight*/) {
  const Extents first = first_extents(adapter, module), second = second_extents(adapter, module);
  const uint64_t small = sizeof(float) * (first.rows + first.depth) * (first.columns + first.depth) + second.columns;
  if (second.depth == 0) return small * 2 + sizeof(float) * second.rows * second.columns;
  return small * 2 + 2 * FactorProduct::memory(second.rows, second.depth, second.columns);
}

FactorMatrix read_first(const Adapter& adapter, const AdapterModule& module) {
  if (const Factor* const whole = find_factor(module, "lokr_w1")) return read_matrix(adapter, *whole);
  return product(read_matrix(adapter, factor(module, "lokr_w1_a")), read_matrix(adapter, factor(module, "lokr_w1_b")));
}

// w2, whole or as a product.
class SecondFactor {
 public:
  SecondFactor(const Adapter& adapter, const AdapterModule& module) {
    if (const Factor* const whole = find_factor(module, "lokr_w2")) {
      whole_ = read_matrix(adapter, *whole);
      columns_ = whole_.columns;
      return;
    }
    FactorMatrix a = read_matrix(adapter, factor(module, "lokr_w2_a"));
    FactorMatrix b = read_matrix(adapter, factor(module, "lokr_w2_b"));
    if (const Factor* const core = find_factor(module, "lokr_t2")) {
      a = transposed(a);
      b = joined_core(read_matrix(adapter, *core), b);
    }
    columns_ = b.columns;
    product_ = std::make_unique<FactorProduct>(std::move(a), b);
  }

  uint64_t rows() const { return product_ ? product_->rows() : whole_.rows; }
  uint64_t columns() const { return columns_; }
  uint64_t memory() const { return product_ ? product_->memory() : whole_.elements.size() * sizeof(float); }

  /// A row, which may lie in `room`.
  const float* row(uint64_t index, std::vector<float>& room) const {
    if (!product_) return whole_.row(index);
    room.assign(columns_, 0);
    product_->add(index, 1, 1, room);
    return room.data();
  }

 private:
  FactorMatrix whole_;
  std::unique_ptr<FactorProduct> product_;  // null: it is whole
  uint64_t columns_ = 0;
};

class LokrChange : public ModuleChange {
 public:
  LokrChange(FactorMatrix first, SecondFactor second, uint64_t kernel, double factor)
      : first_(std::move(first)), second_(std::move(second)), kernel_(kernel), factor_(static_cast<float>(factor)) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    std::vector<float> room;
    float* out = weight.data();
    for (uint64_t i = first; i < first + count; ++i, out += first_.columns * second_.columns()) {
      if (kernel_ == 0)
        add_row(first_.row(i / second_.rows()), second_.row(i % second_.rows(), room), out);
      else
        add_mixed_row(first_.row(i % first_.rows), second_.row(i / first_.rows, room), out);
    }
  }

  uint64_t memory() const override { return sizeof(*this) + first_.elements.size() * sizeof(float) + second_.memory(); }

 private:
  void add_row(const float* x, const float* y, float* out) const {
    for (uint64_t i = 0; i < first_.columns; ++i, out += second_.columns())
      for (uint64_t j = 0; j < second_.columns(); ++j) out[j] += x[i] * y[j] * factor_;
  }

  // Each run of a kernel's elements is multiplied by all of the first factor's row before the next.
  void add_mixed_row(const float* x, const float* y, float* out) const {
    for (uint64_t j = 0; j < second_.columns(); j += kernel_)
      for (uint64_t i = 0; i < first_.columns; ++i, out += kernel_)
        for (uint64_t k = 0; k < kernel_; ++k) out[k] += x[i] * y[j + k] * factor_;
  }

  FactorMatrix first_;
  SecondFactor second_;
  uint64_t kernel_;  // 0: the elements lie as those of a Kronecker product do
  float factor_;
};

std::unique_ptr<ModuleChange> open_lokr(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& /*base*/) {
  const uint64_t kernel = is_mixed(adapter, module) ? weight.shape.back() : 0;
  return std::make_unique<LokrChange>(read_first(adapter, module), SecondFactor(adapter, module), kernel,
                                      module.scale * strength);
}

}  // namespace

constexpr AdapterKind kLokrKind = {.name = "LoKr", .fault = lokr_fault, .memory = lokr_memory, .open = open_lokr};

}  // namespace ckmerge
