// SPDX-License-Identifier: Apache-2.0
// GraLoRA: the weight falls into k by k blocks, each with a product of its own. Of A (k, in/k, r) and B (k, r, out/k)
// the block in row o and column i is s B_o[part i]^T A_i[:, part o]^T, parts of r/k. The blocks of one row are made as
// one product, whose right factor has those of A side by side. `_general` factors are a LoRA besides.
#include <algorithm>
#include <memory>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

struct Extents {
  uint64_t blocks = 0, inputs = 0, outputs = 0;  ///< inputs and outputs of a block
  uint64_t rank = 0, general_rank = 0;
};

Extents extents(const Adapter& adapter, const AdapterModule& module) {
  const Shape a = factor_tensor(adapter, factor(module, "gralora_A")).shape;
  const Shape b = factor_tensor(adapter, factor(module, "gralora_B")).shape;
  Extents e{a[0], a[1], b[2], a[2]};
  if (const Factor* const general = find_factor(module, "gralora_A_general"))
    e.general_rank = rows_of(factor_tensor(adapter, *general).shape);
  return e;
}

std::string general_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (!find_factor(module, "gralora_A_general") && !find_factor(module, "gralora_B_general")) return {};
  if (std::string lacking = lacking_factor(module, {"gralora_A_general", "gralora_B_general"}); !lacking.empty())
    return lacking;
  const Shape down = factor_tensor(adapter, factor(module, "gralora_A_general")).shape;
  const Shape up = factor_tensor(adapter, factor(module, "gralora_B_general")).shape;
  if (columns_of(up) != rows_of(down))
    return misfit("gralora_B_general", columns_of(up), "columns", "gralora_A_general has rank", rows_of(down));
  return misfit(weight, false, "gralora_B_general", rows_of(up), "gralora_A_general", columns_of(down));
}

std::string gralora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding || weight.transposed) return "GraLoRA changes weights of Linear only";
  if (std::string lacking = lacking_factor(module, {"gralora_A", "gralora_B"}); !lacking.empty()) return lacking;
  const Shape a = factor_tensor(adapter, factor(module, "gralora_A")).shape;
  const Shape b = factor_tensor(adapter, factor(module, "gralora_B")).shape;
  if (a.size() != 3 || b.size() != 3 || a[0] == 0 || a[0] != b[0] || a[2] != b[1] || a[2] % a[0] != 0)
    return "gralora_A and gralora_B are not the blocks of one weight";
  if (std::string wrong = misfit(weight, false, "gralora_B", b[0] * b[2], "gralora_A", a[0] * a[1]); !wrong.empty())
    return wrong;
  return general_fault(adapter, module, weight);
}

uint64_t gralora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Extents e = extents(adapter, module);
  const uint64_t one = FactorProduct::memory(e.outputs, e.rank + e.general_rank, weight.columns());
  return (e.blocks + 1) * one + 2 * sizeof(float) * (e.rank + e.general_rank) * (weight.rows() + weight.columns());
}

// The factors of one row of blocks.
struct Factors {
  FactorMatrix left, right;
};

// `a` is A as (k * in/k, r), `b` is B as (k * r, out/k).
Factors of_block_row(const Extents& e, uint64_t o, const FactorMatrix& a, const FactorMatrix& b) {
  const uint64_t depth = e.rank + e.general_rank, columns = e.blocks * e.inputs, part = e.rank / e.blocks;
  Factors factors{{e.outputs, depth, std::vector<float>(e.outputs * depth)},
                  {depth, columns, std::vector<float>(depth * columns)}};
  for (uint64_t k = 0; k < e.rank; ++k) {
    for (uint64_t row = 0; row < e.outputs; ++row) factors.left.row(row)[k] = b.row(o * e.rank + k)[row];
    const uint64_t i = k / part;  // the only column of blocks that this part of B is for
    for (uint64_t n = 0; n < e.inputs; ++n)
      factors.right.row(k)[i * e.inputs + n] = a.row(i * e.inputs + n)[o * part + k % part];
  }
  return factors;
}

void add_general(const Extents& e, uint64_t o, const FactorMatrix& down, const FactorMatrix& up, Factors& factors) {
  for (uint64_t k = 0; k < e.general_rank; ++k) {
    std::copy_n(down.row(k), down.columns, factors.right.row(e.rank + k));
    for (uint64_t row = 0; row < e.outputs; ++row) factors.left.row(row)[e.rank + k] = up.row(o * e.outputs + row)[k];
  }
}

FactorMatrix read_rows(const Adapter& adapter, const Factor& factor) {
  const Shape shape = factor_tensor(adapter, factor).shape;
  return {shape[0] * shape[1], shape[2], read_factor(adapter, factor)};
}

std::unique_ptr<ModuleChange> open_gralora(const Adapter& adapter, const AdapterModule& module,
                                           const ModuleWeight& /*weight*/, double strength, const ReadRows& /*base*/) {
  const Extents e = extents(adapter, module);
  const FactorMatrix a = read_rows(adapter, factor(module, "gralora_A"));
  const FactorMatrix b = read_rows(adapter, factor(module, "gralora_B"));
  FactorMatrix down, up;
  if (e.general_rank > 0) {
    down = read_matrix(adapter, factor(module, "gralora_A_general"));
    up = read_matrix(adapter, factor(module, "gralora_B_general"));
  }
  auto stacked = std::make_unique<StackedChanges>(e.outputs, e.blocks * e.inputs);
  for (uint64_t o = 0; o < e.blocks; ++o) {
    Factors factors = of_block_row(e, o, a, b);
    add_general(e, o, down, up, factors);
    stacked->add(added_product(std::move(factors.left), std::move(factors.right), false, module.scale * strength));
  }
  return stacked;
}

}  // namespace

constexpr AdapterKind kGraloraKind = {
    .name = "GraLoRA", .fault = gralora_fault, .memory = gralora_memory, .open = open_gralora};

}  // namespace ckmerge
