// SPDX-License-Identifier: Apache-2.0
// LoHa: W + s (w1_a w1_b) * (w2_a w2_b), element by element. With `hada_t1` and `hada_t2` (tucker) each product has a
// core between factors that lie the other way: t (r, r, k..), a (r, out), b (r, in).
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Of both products, made at a time.
constexpr uint64_t kRowsAtATime = 12;

// The names of one of the two products.
struct Half {
  std::string a, b, core;
};
Half half(int number) {
  return {sentence("hada_w", number, "_a"), sentence("hada_w", number, "_b"), sentence("hada_t", number)};
}

struct Extents {
  uint64_t rows = 0, depth = 0, columns = 0;
};

Extents extents(const Adapter& adapter, const AdapterModule& module, const Half& half) {
  const Shape a = factor_tensor(adapter, factor(module, half.a)).shape;
  const Shape b = factor_tensor(adapter, factor(module, half.b)).shape;
  const Factor* const core = find_factor(module, half.core);
  if (!core) return {rows_of(a), rows_of(b), columns_of(b)};
  const uint64_t kernel = columns_of(factor_tensor(adapter, *core).shape) / std::max<uint64_t>(1, rows_of(b));
  return {columns_of(a), rows_of(a), columns_of(b) * kernel};
}

std::string half_fault(const Adapter& adapter, const AdapterModule& module, const Half& half) {
  if (std::string lacking = lacking_factor(module, {half.a, half.b}); !lacking.empty()) return lacking;
  const Shape a = factor_tensor(adapter, factor(module, half.a)).shape;
  const Shape b = factor_tensor(adapter, factor(module, half.b)).shape;
  const Factor* const core = find_factor(module, half.core);
  const uint64_t rank = core ? rows_of(a) : columns_of(a);
  if (rank != rows_of(b)) return misfit(half.b, rows_of(b), "rows", sentence(half.a, " has rank"), rank);
  if (!core) return {};
  const Shape shape = factor_tensor(adapter, *core).shape;
  if (shape.size() > 2 && shape[0] == rank && shape[1] == rank) return {};
  return sentence(half.core, " does not lie between factors of rank ", rank);
}

std::string loha_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding || weight.transposed) return "LoHa changes weights of Linear and Conv only";
  for (const int number : {1, 2}) {
    const Half names = half(number);
    if (std::string wrong = half_fault(adapter, module, names); !wrong.empty()) return wrong;
    const Extents e = extents(adapter, module, names);
    if (std::string wrong = misfit(weight, false, names.a, e.rows, names.b, e.columns); !wrong.empty()) return wrong;
  }
  return {};
}

uint64_t loha_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  uint64_t sum = 2 * kRowsAtATime * weight.columns() * sizeof(float);
  for (const int number : {1, 2}) {
    const Extents e = extents(adapter, module, half(number));
    sum += FactorProduct::memory(e.rows, e.depth, e.columns) + sizeof(float) * (e.rows + e.columns) * e.depth;
  }
  return sum;
}

FactorProduct read_half(const Adapter& adapter, const AdapterModule& module, const Half& half) {
  FactorMatrix a = read_matrix(adapter, factor(module, half.a)), b = read_matrix(adapter, factor(module, half.b));
  if (const Factor* const core = find_factor(module, half.core))
    return {transposed(a), joined_core(read_matrix(adapter, *core), b)};
  return {std::move(a), b};
}

class LohaChange : public ModuleChange {
 public:
  LohaChange(FactorProduct first, FactorProduct second, double factor)
      : first_(std::move(first)), second_(std::move(second)), factor_(static_cast<float>(factor)) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    const uint64_t columns = first_.columns();
    std::vector<float> one, other;
    for (uint64_t row = 0; row < count; row += kRowsAtATime) {
      const uint64_t rows = std::min(kRowsAtATime, count - row);
      one.assign(rows * columns, 0);
      other.assign(rows * columns, 0);
      first_.add(first + row, rows, 1, one);
      second_.add(first + row, rows, 1, other);
      float* const out = weight.data() + row * columns;
      for (size_t i = 0; i < one.size(); ++i) out[i] += one[i] * other[i] * factor_;
    }
  }

  uint64_t memory() const override { return sizeof(*this) + first_.memory() + second_.memory(); }

 private:
  FactorProduct first_, second_;
  float factor_;
};

std::unique_ptr<ModuleChange> open_loha(const Adapter& adapter, const AdapterModule& module,
                                        const ModuleWeight& /*weight*/, double strength, const ReadRows& /*base*/) {
  return std::make_unique<LohaChange>(read_half(adapter, module, half(1)), read_half(adapter, module, half(2)),
                                      module.scale * strength);
}

}  // namespace

constexpr AdapterKind kLohaKind = {.name = "LoHa", .fault = loha_fault, .memory = loha_memory, .open = open_loha};

}  // namespace ckmerge
