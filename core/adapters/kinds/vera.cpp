// SPDX-License-Identifier: Apache-2.0
// VeRA: W + (b B) (d A), where b and d are numbers for each row, and A and B are the same for all modules, as large as
// the largest needs: of A the first columns are a module's, of B the first rows. PVeRA's A and d have twice the rank,
// of which the first half is the mean and is what is merged.
#include <memory>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

struct Names {
  std::string_view a, b, d_numbers, b_numbers;
  uint64_t halves = 1;
};
constexpr Names kVera = {"vera_A", "vera_B", "vera_lambda_d", "vera_lambda_b"};
constexpr Names kPvera = {"pvera_A", "pvera_B", "pvera_lambda_d", "pvera_lambda_b", 2};

template <const Names& kNames>
std::string vera_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding) return "VeRA changes weights of Linear only";
  if (std::string lacking = lacking_factor(module, {kNames.d_numbers, kNames.b_numbers}); !lacking.empty())
    return lacking;
  if (!find_factor(module, kNames.a) || !find_factor(module, kNames.b))
    return sentence(kNames.a, " and ", kNames.b, " are not in the file (save_projection=False)");
  const Tensor a = factor_tensor(adapter, factor(module, kNames.a)),
               b = factor_tensor(adapter, factor(module, kNames.b));
  const uint64_t rank = columns_of(b.shape);
  const uint64_t d = factor_tensor(adapter, factor(module, kNames.d_numbers)).count;
  const uint64_t rows = factor_tensor(adapter, factor(module, kNames.b_numbers)).count;
  if (rows_of(a.shape) != rank * kNames.halves)
    return misfit(kNames.a, rows_of(a.shape), "rows", sentence(kNames.b, " has rank"), rank * kNames.halves);
  if (d != rank * kNames.halves)
    return misfit(kNames.d_numbers, d, "elements", sentence(kNames.b, " has rank"), rank * kNames.halves);
  const uint64_t out = weight.transposed ? weight.columns() : weight.rows();
  const uint64_t in = weight.transposed ? weight.rows() : weight.columns();
  if (rows != out) return misfit(kNames.b_numbers, rows, "elements", "the weight", out);
  if (rows_of(b.shape) < out) return misfit(kNames.b, rows_of(b.shape), "rows", "the weight", out);
  return columns_of(a.shape) < in ? misfit(kNames.a, columns_of(a.shape), "columns", "the weight", in) : "";
}

template <const Names& kNames>
uint64_t vera_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t rank = columns_of(factor_tensor(adapter, factor(module, kNames.b)).shape);
  return 2 * FactorProduct::memory(weight.rows(), rank, weight.columns());
}

// Each row times its number: the first `rows` rows and `columns` columns of the factor, read row by row.
FactorMatrix scaled_part(const Adapter& adapter, const Factor& whole, const Factor& numbers, uint64_t rows,
                         uint64_t columns) {
  const uint64_t step = columns_of(factor_tensor(adapter, whole).shape);
  const std::vector<float> by = read_factor(adapter, numbers);
  FactorMatrix part{rows, columns, std::vector<float>(rows * columns)};
  for (uint64_t i = 0; i < rows; ++i) {
    read_elements(adapter, whole, i * step, {part.row(i), columns});
    for (uint64_t j = 0; j < columns; ++j) part.row(i)[j] *= by[i];
  }
  return part;
}

template <const Names& kNames>
std::unique_ptr<ModuleChange> open_vera(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& /*base*/) {
  const Factor &a = factor(module, kNames.a), &b = factor(module, kNames.b);
  const uint64_t out = weight.transposed ? weight.columns() : weight.rows();
  const uint64_t in = weight.transposed ? weight.rows() : weight.columns();
  const uint64_t rank = columns_of(factor_tensor(adapter, b).shape);
  return added_product(scaled_part(adapter, b, factor(module, kNames.b_numbers), out, rank),
                       scaled_part(adapter, a, factor(module, kNames.d_numbers), rank, in), weight.transposed,
                       module.scale * strength);
}

}  // namespace

constexpr AdapterKind kVeraKind = {
    .name = "VeRA", .fault = vera_fault<kVera>, .memory = vera_memory<kVera>, .open = open_vera<kVera>};
constexpr AdapterKind kPveraKind = {
    .name = "PVeRA", .fault = vera_fault<kPvera>, .memory = vera_memory<kPvera>, .open = open_vera<kPvera>};

}  // namespace ckmerge
