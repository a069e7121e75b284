// SPDX-License-Identifier: Apache-2.0
// LoRA: W + s B A. Of a Conv, A has the kernel's extents, or `lora_mid` has them between two 1 x 1 (tucker). An
// embedding's and a transposed Conv1D's change is (B A)^T. Of experts under one name, A has a block of rows for each,
// and in B the expert runs fastest: s B[:, e::E] A[e r : (e + 1) r]. A factor of BD-LoRA holds the blocks of a
// block-diagonal one, below each other. `lora_B.bias` is added to the bias, times s.
#include <algorithm>
#include <memory>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// The two factors as matrices, by their shapes: up is rows x rank, down rank x columns of the module's own weight.
struct Extents {
  std::string_view down_name, up_name;
  uint64_t down_rows = 0, down_columns = 0, up_rows = 0, up_columns = 0;
  uint64_t kernel = 1;  ///< elements of it that are lora_mid's
};

Extents extents(const Adapter& adapter, const AdapterModule& module) {
  const bool of_embedding = find_factor(module, "lora_embedding_A") != nullptr;
  Extents e{of_embedding ? "lora_embedding_A" : "lora_A", of_embedding ? "lora_embedding_B" : "lora_B"};
  const Shape down = factor_tensor(adapter, factor(module, e.down_name)).shape;
  const Shape up = factor_tensor(adapter, factor(module, e.up_name)).shape;
  e.down_rows = rows_of(down), e.down_columns = columns_of(down);
  e.up_rows = rows_of(up), e.up_columns = columns_of(up);
  if (const Factor* mid = find_factor(module, "lora_mid"))
    e.kernel = columns_of(factor_tensor(adapter, *mid).shape) / std::max<uint64_t>(1, e.down_rows);
  return e;
}

bool is_turned(const AdapterModule& module, const ModuleWeight& weight) {
  return weight.transposed || find_factor(module, "lora_embedding_A");
}

// Modules of BD-LoRA that neither list of its config names are plain ones, which their shapes tell.
uint64_t block_count(const AdapterModule& module, const Extents& e, const ModuleWeight& weight) {
  const auto blocks = module.numbers.find("nblocks");
  if (blocks == module.numbers.end() || blocks->second < 1) return 1;
  const uint64_t in = is_turned(module, weight) ? weight.rows() / weight.experts : weight.columns();
  const bool is_plain = e.up_columns == e.down_rows && e.down_columns * e.kernel == in;
  return is_plain ? 1 : static_cast<uint64_t>(blocks->second);
}

// Of the base: residuals of these initialisations are in no file.
std::string changed_base(const AdapterModule& module) {
  if (find_factor(module, "lora_diag")) return "it is of KaSA, which takes singular parts out of the base";
  for (const char* const word : {"pissa", "olora"})
    if (module.numbers.contains(sentence("init_lora_weights=", word)))
      return sentence("it was initialised by ", word, ", which changes the base");
  return {};
}

std::string lacking_partner(const AdapterModule& module) {
  if (find_factor(module, "lora_embedding_A") || find_factor(module, "lora_embedding_B"))
    return lacking_factor(module, {"lora_embedding_A", "lora_embedding_B"});
  return lacking_factor(module, {"lora_A", "lora_B"});
}

std::string bias_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string lacking = lacking_factor(module, {"lora_B.bias"}); !lacking.empty()) return lacking;
  const uint64_t count = factor_tensor(adapter, factor(module, "lora_B.bias")).count;
  return count == weight.rows() ? "" : misfit("lora_B.bias", count, "elements", "the bias", weight.rows());
}

// What the kernel's extents are in a factor, which may have more of them that are one.
bool has_kernel(Shape factor, Shape weight) {
  const auto extents = [](Shape shape) {
    std::vector<uint64_t> kernel(shape.begin() + 2, shape.end());
    while (!kernel.empty() && kernel.back() == 1) kernel.pop_back();
    return kernel;
  };
  return factor.size() < 3 || weight.size() < 2 || extents(factor) == extents(weight);
}

std::string kernel_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (weight.is_embedding || weight.experts > 1) return {};
  const char* const name = find_factor(module, "lora_mid") ? "lora_mid" : "lora_A";
  const Factor* const factor = find_factor(module, name);
  if (!factor || has_kernel(factor_tensor(adapter, *factor).shape, weight.shape)) return {};
  return misfit(name, factor_tensor(adapter, *factor).shape, weight);
}

std::string mid_fault(const Adapter& adapter, const AdapterModule& module, const Extents& e) {
  const Factor* const mid = find_factor(module, "lora_mid");
  if (!mid) return {};
  const Shape shape = factor_tensor(adapter, *mid).shape;
  if (shape.size() > 2 && shape[0] == e.down_rows && shape[1] == e.down_rows) return {};
  return sentence("lora_mid does not lie between factors of rank ", e.down_rows);
}

std::string block_fault(const Extents& e, uint64_t blocks) {
  if (e.down_rows % blocks == 0 && e.up_rows % blocks == 0) return {};
  return sentence("its rank ", e.down_rows, " does not fall into ", blocks, " blocks");
}

// PEFT's config says the rank of one block, of which experts alone have several.
std::string rank_fault(const AdapterModule& module, const Extents& e, uint64_t experts) {
  const auto blocks = module.numbers.find("blocks of rank");
  const double has = blocks == module.numbers.end() ? 1 : blocks->second;
  if (has == 1 || has == static_cast<double>(experts)) return {};
  return sentence("its factors have rank ", e.down_rows, ", its config says ", number_text(e.down_rows / has),
                  experts > 1 ? sentence(" for each of ", experts, " experts") : "");
}

std::string lora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (std::string changed = changed_base(module); !changed.empty()) return changed;
  if (weight.is_bias) return bias_fault(adapter, module, weight);
  if (std::string lacking = lacking_partner(module); !lacking.empty()) return lacking;
  const Extents e = extents(adapter, module);
  if (std::string fault = mid_fault(adapter, module, e); !fault.empty()) return fault;
  if (std::string fault = kernel_fault(adapter, module, weight); !fault.empty()) return fault;
  const uint64_t blocks = block_count(module, e, weight), experts = weight.experts;
  if (std::string fault = block_fault(e, blocks); !fault.empty()) return fault;
  if (std::string fault = rank_fault(module, e, experts); !fault.empty()) return fault;
  const bool down_in_blocks = blocks > 1 && e.up_columns == e.down_rows;
  const bool up_in_blocks = blocks > 1 && e.up_columns * blocks == e.down_rows;
  if (e.up_columns != e.down_rows && !up_in_blocks)
    return misfit(e.up_name, e.up_columns, "columns", sentence(e.down_name, " has rank"), e.down_rows);
  if (e.down_rows % experts != 0)
    return sentence(e.down_name, " has ", counted(e.down_rows, "row"), ", which ", experts, " experts do not share");
  const bool turned = is_turned(module, weight);
  const uint64_t in = turned ? weight.rows() / experts : weight.columns();
  const uint64_t out = turned ? weight.columns() : weight.rows() / experts;
  const uint64_t columns = e.down_columns * e.kernel * (down_in_blocks ? blocks : 1);
  if (columns != in) return misfit(e.down_name, columns, "columns", "the weight", in);
  return e.up_rows == out ? "" : misfit(e.up_name, e.up_rows, "rows", "the weight", out);
}

uint64_t lora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (weight.is_bias) return 2 * sizeof(float) * weight.rows();
  const Extents e = extents(adapter, module);
  const uint64_t rank = e.down_rows / weight.experts, rows = weight.rows() / weight.experts;
  const uint64_t one = FactorProduct::memory(rows, rank, weight.columns());
  const uint64_t read = sizeof(float) * (e.down_rows * e.down_columns + e.up_rows * e.up_columns);
  const bool is_made = weight.experts > 1 || e.kernel > 1 || block_count(module, e, weight) > 1;
  return weight.experts * one + (is_made ? read : 0) + (is_made && is_turned(module, weight) ? one : 0);
}

struct Factors {
  FactorMatrix up, down;
};

Factors read_factors(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Extents e = extents(adapter, module);
  Factors factors{read_matrix(adapter, factor(module, e.up_name)), read_matrix(adapter, factor(module, e.down_name))};
  if (const Factor* const mid = find_factor(module, "lora_mid"))
    factors.down = joined_core(read_matrix(adapter, *mid), factors.down);
  const uint64_t blocks = block_count(module, e, weight);
  if (blocks == 1) return factors;
  FactorMatrix& in_blocks = factors.up.columns == factors.down.rows ? factors.down : factors.up;
  in_blocks = block_diagonal(in_blocks, blocks);
  return factors;
}

// Those of expert `e` among all.
Factors of_expert(const Factors& all, uint64_t experts, uint64_t e) {
  const uint64_t rank = all.down.rows / experts;
  Factors one{{all.up.rows, rank, std::vector<float>(all.up.rows * rank)}, {rank, all.down.columns, {}}};
  one.down.elements.assign(all.down.row(e * rank), all.down.row(e * rank) + rank * all.down.columns);
  for (uint64_t i = 0; i < all.up.rows; ++i)
    for (uint64_t k = 0; k < rank; ++k) one.up.row(i)[k] = all.up.row(i)[k * experts + e];
  return one;
}

std::unique_ptr<ModuleChange> of_experts(const Factors& all, const ModuleWeight& weight, double factor) {
  auto stacked = std::make_unique<StackedChanges>(weight.rows() / weight.experts, weight.columns());
  for (uint64_t e = 0; e < weight.experts; ++e) {
    Factors one = of_expert(all, weight.experts, e);
    stacked->add(added_product(std::move(one.up), std::move(one.down), weight.transposed, factor));
  }
  return stacked;
}

std::unique_ptr<ModuleChange> open_lora(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& /*base*/) {
  const double factor = module.scale * strength;
  if (weight.is_bias) {
    FactorMatrix bias{weight.rows(), 1, read_factor(adapter, ckmerge::factor(module, "lora_B.bias"))};
    return std::make_unique<AddedProduct>(std::move(bias), FactorMatrix{1, 1, {1.0F}}, factor);
  }
  const Extents e = extents(adapter, module);
  const bool turned = is_turned(module, weight);
  // The factor of an embedding is as large as the vocabulary: never is it in memory in both ways.
  if (turned && weight.experts == 1 && !find_factor(module, "lora_mid") && block_count(module, e, weight) == 1)
    return std::make_unique<AddedProduct>(read_transposed(adapter, ckmerge::factor(module, e.down_name)),
                                          read_transposed(adapter, ckmerge::factor(module, e.up_name)), factor);
  Factors factors = read_factors(adapter, module, weight);
  if (weight.experts > 1) return of_experts(factors, weight, factor);
  return added_product(std::move(factors.up), std::move(factors.down), turned, factor);
}

ChangedParts lora_parts(const Adapter& /*adapter*/, const AdapterModule& module) {
  return {.weight = find_factor(module, "lora_A") || find_factor(module, "lora_embedding_A"),
          .bias = find_factor(module, "lora_B.bias") != nullptr};
}

}  // namespace

constexpr AdapterKind kLoraKind = {
    .name = "LoRA", .fault = lora_fault, .memory = lora_memory, .open = open_lora, .parts = lora_parts};

}  // namespace ckmerge
