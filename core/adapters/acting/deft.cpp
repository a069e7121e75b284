// SPDX-License-Identifier: Apache-2.0
// DEFT: W' = W + Q (a R - N^T W), a = alpha / r or 1. What is taken out of the weight hangs on all of its rows, so that
// N^T W (r by inputs, f64, row by row) is made first. With decomposition_method relu Q is P and N is relu(P); with qr
// both are the orthogonal factor of P, with the signs that LAPACK gives it (those matter: Q R has them once). With para
// there is no R. PEFT has no strengths for it; here they multiply what is added.
#include <algorithm>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/acting/all_rows.h"
#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/turning/householder.h"
#include "core/layouts/reshaping.h"

namespace ckmerge {
namespace {

std::string deft_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string lacking = lacking_factor(module, {"deft_P"}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_embedding || weight.experts != 1 || weight.shape.size() != 2)
    return "DEFT is of matrices alone, and not of embeddings or experts";
  const uint64_t in = weight.transposed ? weight.rows() : weight.columns();
  const uint64_t out = weight.transposed ? weight.columns() : weight.rows();
  const Shape p = factor_tensor(adapter, factor(module, "deft_P")).shape;
  if (p.size() != 2 || p[0] != out || p[1] > out)
    return sentence("deft_P has the shape ", shape_text(p), ", the layer ", counted(out, "output"));
  const Factor* const r = find_factor(module, "deft_R");
  if (!r) return has_flag(module, "para") ? "" : "it has no deft_R";
  const Shape shape = factor_tensor(adapter, *r).shape;
  if (rows_of(shape) != p[1]) return misfit("deft_R", rows_of(shape), "rows", "deft_P has rank", p[1]);
  return columns_of(shape) == in ? "" : misfit("deft_R", columns_of(shape), "columns", "the weight", in);
}

uint64_t deft_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Shape p = factor_tensor(adapter, factor(module, "deft_P")).shape;
  return 2 * FactorProduct::memory(weight.rows(), p[1], weight.columns()) +
         p[1] * (weight.rows() + weight.columns()) * sizeof(double) + AllRows::memory(weight);
}

// N^T W, r by inputs.
std::vector<double> taken_out(const FactorMatrix& n, const ModuleWeight& weight, const ReadRows& base) {
  const uint64_t rank = n.columns, in = weight.transposed ? weight.rows() : weight.columns();
  std::vector<double> sums(rank * in);
  AllRows(weight, base).visit([&](uint64_t row, std::span<const float> values) {
    for (uint64_t k = 0; k < rank; ++k) {
      if (weight.transposed) {
        double sum = 0;
        for (size_t i = 0; i < values.size(); ++i) sum += double{n.row(i)[k]} * double{values[i]};
        sums[k * in + row] = sum;
      } else {
        const double factor{n.row(row)[k]};
        for (size_t i = 0; i < values.size(); ++i) sums[k * in + i] += factor * double{values[i]};
      }
    }
  });
  return sums;
}

std::unique_ptr<ModuleChange> open_deft(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& base) {
  FactorMatrix q = read_matrix(adapter, factor(module, "deft_P"));
  const bool is_qr = has_flag(module, "decomposition_method=qr");
  if (is_qr) q = orthogonal_factor(q);
  FactorMatrix n = q;
  if (!is_qr)
    for (float& value : n.elements) value = std::max(value, 0.0F);
  const std::vector<double> taken = taken_out(n, weight, base);
  const uint64_t in = weight.transposed ? weight.rows() : weight.columns();
  FactorMatrix added{q.columns, in, std::vector<float>(taken.size())};
  if (const Factor* const r = find_factor(module, "deft_R"); r && !has_flag(module, "para"))
    added.elements = read_factor(adapter, *r);
  for (size_t i = 0; i < taken.size(); ++i)
    added.elements[i] = static_cast<float>(module.scale * double{added.elements[i]} - taken[i]);
  if (weight.transposed) return std::make_unique<AddedProduct>(transposed(added), transposed(q), strength);
  return std::make_unique<AddedProduct>(std::move(q), added, strength);
}

}  // namespace

const AdapterKind kDeftKind = {
    .name = "DEFT", .adds = false, .fault = deft_fault, .memory = deft_memory, .open = open_deft};

}  // namespace ckmerge
