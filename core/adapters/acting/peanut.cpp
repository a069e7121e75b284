// SPDX-License-Identifier: Apache-2.0
// PEANuT: what is added is a small network of the weight itself. For each input, its column of the weight goes through
// `peanut_A` (r, outputs) and the activation; through encoders (r, r), each with the activation; through as many
// decoders, each with the activation and what the encoder of the other end was given added; and through `peanut_B`
// (outputs, r), times the scale. So the whole weight is read first, row by row into f64; what is then added is B times
// an r by inputs matrix. PEFT has no strengths for it; here they multiply what is added.
#include <algorithm>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/acting/all_rows.h"
#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "core/layouts/reshaping.h"
#include "kernels/math.h"

namespace ckmerge {
namespace {

double relu(double x) { return x > 0 ? x : 0; }
double sigmoid(double x) { return 1 / (1 + math::exp(-x)); }
double silu(double x) { return x / (1 + math::exp(-x)); }
double tanh(double x) { return 1 - 2 / (1 + math::exp(2 * x)); }
double identity(double x) { return x; }

struct Activation {
  std::string_view setting;
  double (*function)(double);
};
constexpr Activation kActivations[] = {{"act_fn=relu", relu}, {"act_fn=sigmoid", sigmoid},
                                       {"act_fn=silu", silu}, {"act_fn=swish", silu},
                                       {"act_fn=tanh", tanh}, {"act_fn=linear", identity}};

// PEFT's is relu where the config says nothing; null: one that is not known here.
const Activation* activation(const AdapterModule& module) {
  for (const Activation& row : kActivations)
    if (has_flag(module, row.setting)) return &row;
  const bool has_other =
      std::ranges::any_of(module.numbers, [](const auto& n) { return n.first.starts_with("act_fn="); });
  return has_other ? nullptr : &kActivations[0];
}

uint64_t depth(const AdapterModule& module) {
  uint64_t count = 0;
  while (find_factor(module, sentence("peanut_encoders.", count))) ++count;
  return count;
}

std::string layer_fault(const Adapter& adapter, const AdapterModule& module, const std::string& name, uint64_t rank) {
  if (std::string lacking = lacking_factor(module, {name}); !lacking.empty()) return lacking;
  const Shape shape = factor_tensor(adapter, factor(module, name)).shape;
  if (shape.size() == 2 && shape[0] == rank && shape[1] == rank) return {};
  return sentence(name, " has the shape ", shape_text(shape), ", and peanut_A has rank ", rank);
}

std::string peanut_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string lacking = lacking_factor(module, {"peanut_A", "peanut_B"}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (std::string other = no_matrix(weight, "PEANuT"); !other.empty()) return other;
  if (!activation(module)) return "its activation (act_fn) is not known here";
  const Shape a = factor_tensor(adapter, factor(module, "peanut_A")).shape;
  const Shape b = factor_tensor(adapter, factor(module, "peanut_B")).shape;
  if (columns_of(a) != weight.rows()) return misfit("peanut_A", columns_of(a), "columns", "outputs are", weight.rows());
  if (rows_of(b) != weight.rows()) return misfit("peanut_B", rows_of(b), "rows", "outputs are", weight.rows());
  if (columns_of(b) != rows_of(a)) return misfit("peanut_B", columns_of(b), "columns", "peanut_A has rank", rows_of(a));
  for (uint64_t i = 0; i < depth(module); ++i)
    for (const char* const half : {"peanut_encoders.", "peanut_decoders."})
      if (std::string found = layer_fault(adapter, module, sentence(half, i), rows_of(a)); !found.empty()) return found;
  if (find_factor(module, sentence("peanut_decoders.", depth(module)))) return "it has more decoders than encoders";
  return {};
}

uint64_t peanut_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t rank = rows_of(factor_tensor(adapter, factor(module, "peanut_A")).shape);
  return FactorProduct::memory(weight.rows(), rank, weight.columns()) + AllRows::memory(weight) +
         2 * depth(module) * rank * rank * sizeof(float) +
         ((depth(module) + 3) * rank * sizeof(double) + rank * weight.columns() * sizeof(double)) +
         rank * weight.rows() * sizeof(float);
}

struct Network {
  std::vector<FactorMatrix> encoders, decoders;
  double (*activate)(double);

  // In place, of the numbers of one input.
  void run(std::vector<double>& x) const {
    for (double& value : x) value = activate(value);
    std::vector<std::vector<double>> given;
    for (const FactorMatrix& encoder : encoders) {
      given.push_back(x);
      x = layer(encoder, x);
    }
    for (const FactorMatrix& decoder : decoders) {
      x = layer(decoder, x);
      for (size_t k = 0; k < x.size(); ++k) x[k] += given.back()[k];
      given.pop_back();
    }
  }

  std::vector<double> layer(const FactorMatrix& weights, const std::vector<double>& x) const {
    std::vector<double> made(weights.rows);
    for (uint64_t to = 0; to < weights.rows; ++to) {
      for (uint64_t from = 0; from < x.size(); ++from) made[to] += double{weights.row(to)[from]} * x[from];
      made[to] = activate(made[to]);
    }
    return made;
  }
};

std::unique_ptr<ModuleChange> open_peanut(const Adapter& adapter, const AdapterModule& module,
                                          const ModuleWeight& weight, double strength, const ReadRows& base) {
  const FactorMatrix a = read_matrix(adapter, factor(module, "peanut_A"));
  const uint64_t rank = a.rows, in = weight.columns();
  std::vector<double> sums(rank * in);
  AllRows(weight, base).visit([&](uint64_t row, std::span<const float> values) {
    for (uint64_t k = 0; k < rank; ++k) {
      const double factor{a.row(k)[row]};
      for (uint64_t i = 0; i < in; ++i) sums[k * in + i] += factor * double{values[i]};
    }
  });
  Network network{{}, {}, activation(module)->function};
  for (uint64_t i = 0; i < depth(module); ++i) {
    network.encoders.push_back(read_matrix(adapter, factor(module, sentence("peanut_encoders.", i))));
    network.decoders.push_back(read_matrix(adapter, factor(module, sentence("peanut_decoders.", i))));
  }
  FactorMatrix made{rank, in, std::vector<float>(rank * in)};
  std::vector<double> x(rank);
  for (uint64_t i = 0; i < in; ++i) {
    for (uint64_t k = 0; k < rank; ++k) x[k] = sums[k * in + i];
    network.run(x);
    for (uint64_t k = 0; k < rank; ++k) made.row(k)[i] = static_cast<float>(x[k]);
  }
  FactorMatrix b = read_matrix(adapter, factor(module, "peanut_B"));
  return std::make_unique<AddedProduct>(std::move(b), made, module.scale * strength);
}

}  // namespace

const AdapterKind kPeanutKind = {
    .name = "PEANUT", .adds = false, .fault = peanut_fault, .memory = peanut_memory, .open = open_peanut};

}  // namespace ckmerge
