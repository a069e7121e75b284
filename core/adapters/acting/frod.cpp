// SPDX-License-Identifier: Apache-2.0
// FROD: the weight is taken apart as W = U diag(n) V^T, V (inputs, inputs) shared by all modules of a category and U of
// columns of length 1; W' = U (diag(l) + S) V^T, S sparse. So W' = W V^-T diag(1 / n) (diag(l) + S) V^T, a matrix of
// inputs by inputs that is made first, for which the lengths n of the columns of W V^-T are measured row by row. PEFT
// has no strengths for it; here they go from W to W'.
#include <algorithm>
#include <cmath>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/acting/all_rows.h"
#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/turning/turned_blocks.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

constexpr uint64_t kMostInputs = 4096;  // the inverse of a matrix of so many rows takes minutes

// "self_attn_q_proj" of "..layers.0.self_attn.q_proj": the last two parts of a module's name, but for numbers.
std::string category(const AdapterModule& module) {
  constexpr std::string_view kPrefix = "base_model.model.";
  std::string_view name = module.name;
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  const size_t last = name.rfind('.');
  if (last == std::string_view::npos) return std::string(name);
  const std::string_view front = name.substr(0, last), own = name.substr(last + 1);
  const std::string_view parent = front.substr(front.rfind('.') + 1);
  if (!parent.empty() && parent.find_first_not_of("0123456789") == std::string_view::npos) return std::string(own);
  if (parent == "output" && own == "dense" && front.ends_with(".attention.output")) return "attention_output";
  return sentence(parent, "_", own);
}

struct Names {
  std::string basis, places;
};

Names names(const AdapterModule& module) {
  return {"frod_V." + category(module), "frod_s_indices." + category(module)};
}

std::string frod_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Names name = names(module);
  if (std::string lacking = lacking_factor(module, {"frod_lambda_l", "frod_lambda_s_values", name.basis, name.places});
      !lacking.empty())
    return lacking;
  if (std::string other = no_matrix(weight, "FROD"); !other.empty()) return other;
  const uint64_t in = weight.columns();
  if (in > kMostInputs)
    return sentence("FROD is computed for at most ", kMostInputs, " inputs, and this layer has ", in);
  const Shape basis = factor_tensor(adapter, factor(module, name.basis)).shape;
  if (basis.size() != 2 || basis[0] != in || basis[1] != in)
    return misfit(name.basis, rows_of(basis), "rows", "the weight's inputs are", in);
  const uint64_t scales = factor_tensor(adapter, factor(module, "frod_lambda_l")).count;
  if (scales != in) return misfit("frod_lambda_l", scales, "numbers", "the weight's inputs are", in);
  const uint64_t values = factor_tensor(adapter, factor(module, "frod_lambda_s_values")).count;
  const Shape places = factor_tensor(adapter, factor(module, name.places)).shape;
  if (places.size() == 2 && places[0] == 2 && places[1] == values) return {};
  return misfit("frod_lambda_s_values", values, "numbers", "places are", columns_of(places));
}

uint64_t frod_memory(const Adapter& /*adapter*/, const AdapterModule& /*module*/, const ModuleWeight& weight) {
  const uint64_t in = weight.columns();
  constexpr uint64_t kMatrices = 5;  // in f64, while they are made
  return TurnedBlocks::memory(in, 1) + kMatrices * in * in * sizeof(double) + AllRows::memory(weight);
}

// The lengths of the columns of W x.
std::vector<double> lengths(const ModuleWeight& weight, const ReadRows& base, const SquareMatrix& x) {
  std::vector<double> sums(x.n), row(x.n);
  AllRows(weight, base).visit([&](uint64_t, std::span<const float> values) {
    std::ranges::fill(row, 0);
    for (size_t k = 0; k < x.n; ++k)
      for (size_t j = 0; j < x.n; ++j) row[j] += double{values[k]} * x(k, j);
    for (size_t j = 0; j < x.n; ++j) sums[j] += row[j] * row[j];
  });
  for (double& sum : sums) sum = std::sqrt(sum);
  return sums;
}

// diag(l) + S.
SquareMatrix middle(const Adapter& adapter, const AdapterModule& module, size_t in) {
  SquareMatrix result(in);
  const std::vector<float> scales = read_factor(adapter, factor(module, "frod_lambda_l"));
  const std::vector<float> values = read_factor(adapter, factor(module, "frod_lambda_s_values"));
  const std::vector<uint64_t> places = read_indices(adapter, factor(module, names(module).places));
  for (size_t i = 0; i < in; ++i) result(i, i) = double{scales[i]};
  for (size_t i = 0; i < values.size(); ++i) {
    const uint64_t row = places[i], column = places[values.size() + i];
    if (row >= in || column >= in)
      throw Error(ErrorCode::malformed, adapter.file.path,
                  sentence(adapter.file.path, ": a place of ", names(module).places, " lies outside of a matrix of ",
                           in, " rows: take the file from where it came anew"));
    result(row, column) += double{values[i]};
  }
  return result;
}

class Reassembled : public ModuleChange {
 public:
  explicit Reassembled(TurnedBlocks turn) : turn_(std::move(turn)) {}
  void apply(uint64_t /*first*/, uint64_t count, std::span<float> weight) const override {
    for (uint64_t i = 0; i < count; ++i) turn_.turn_row(row_of(weight, i, turn_.size()));
  }
  uint64_t memory() const override { return sizeof(*this) + turn_.memory(); }

 private:
  TurnedBlocks turn_;
};

std::unique_ptr<ModuleChange> open_frod(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& base) {
  const size_t in = weight.columns();
  SquareMatrix basis(in);
  const std::vector<float> values = read_factor(adapter, factor(module, names(module).basis));
  std::copy(values.begin(), values.end(), basis.values.begin());
  SquareMatrix apart = inverse(transposed(basis));
  const std::vector<double> length = lengths(weight, base, apart);
  for (size_t i = 0; i < apart.values.size(); ++i)
    apart.values[i] = length[i % in] > 1e-12 ? apart.values[i] / length[i % in] : 0;  // PEFT's least
  const SquareMatrix whole = apart * middle(adapter, module, in) * transposed(basis);
  if (!std::isfinite(whole.sum_of_squares()))
    throw Error(ErrorCode::malformed, adapter.file.path,
                sentence(adapter.file.path, ": ", names(module).basis,
                         " has no inverse, so that no weight can be taken apart by it: train or save it anew"));
  TurnedBlocks turn(in, 1);
  turn.set(0, transposed(whole), strength);
  return std::make_unique<Reassembled>(std::move(turn));
}

}  // namespace

const AdapterKind kFrodKind = {
    .name = "FROD", .adds = false, .fault = frod_fault, .memory = frod_memory, .open = open_frod};

}  // namespace ckmerge
