// SPDX-License-Identifier: Apache-2.0
// BEFT: `beft_bias` is added to a layer's bias; the weight stays as it is.
#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"

namespace ckmerge {
namespace {

std::string beft_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string lacking = lacking_factor(module, {"beft_bias"}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (!weight.is_bias) return "BEFT changes nothing but biases, and this is none";
  const uint64_t count = factor_tensor(adapter, factor(module, "beft_bias")).count;
  return count == weight.rows() ? "" : misfit("beft_bias", count, "numbers", "the bias", weight.rows());
}

uint64_t beft_memory(const Adapter& /*adapter*/, const AdapterModule& /*module*/, const ModuleWeight& weight) {
  return FactorProduct::memory(weight.rows(), 1, 1);
}

std::unique_ptr<ModuleChange> open_beft(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& /*base*/) {
  FactorMatrix bias{weight.rows(), 1, read_factor(adapter, factor(module, "beft_bias"))};
  return std::make_unique<AddedProduct>(std::move(bias), FactorMatrix{1, 1, {1.0F}}, strength);
}

ChangedParts beft_parts(const Adapter& /*adapter*/, const AdapterModule& /*module*/) {
  return {.weight = false, .bias = true};
}

}  // namespace

const AdapterKind kBeftKind = {
    .name = "BEFT", .adds = true, .fault = beft_fault, .memory = beft_memory, .open = open_beft, .parts = beft_parts};

}  // namespace ckmerge
