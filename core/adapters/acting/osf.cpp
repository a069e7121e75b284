// SPDX-License-Identifier: Apache-2.0
// OSF: the weight keeps its largest singular parts, and the file has the others anew, U_low diag(S_low) V_low; what it
// has as many of is what is taken out. PEFT has no strengths for it; here they multiply the difference.
#include <algorithm>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/acting/taken_parts.h"
#include "core/adapters/kind_rows.h"

namespace ckmerge {
namespace {

constexpr std::string_view kU = "osf_svd_params.U_low", kS = "osf_svd_params.S_low", kV = "osf_svd_params.V_low";

std::string osf_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string lacking = lacking_factor(module, {kU, kS, kV}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (std::string other = no_matrix(weight, "OSF"); !other.empty()) return other;
  if (std::string found = singular_fault(weight, "OSF"); !found.empty()) return found;
  const Shape u = factor_tensor(adapter, factor(module, kU)).shape,
              v = factor_tensor(adapter, factor(module, kV)).shape;
  const uint64_t values = factor_tensor(adapter, factor(module, kS)).count;
  if (columns_of(u) != values) return misfit(kU, columns_of(u), "columns", kS, values);
  if (rows_of(v) != values) return misfit(kV, rows_of(v), "rows", kS, values);
  if (rows_of(u) != weight.rows()) return misfit(kU, rows_of(u), "rows", "the weight", weight.rows());
  if (columns_of(v) != weight.columns()) return misfit(kV, columns_of(v), "columns", "the weight", weight.columns());
  const uint64_t most = std::min(weight.rows(), weight.columns());
  return values <= most ? "" : misfit(kS, values, "numbers", "parts of the weight", most);
}

uint64_t osf_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t rank = factor_tensor(adapter, factor(module, kS)).count;
  return singular_memory(weight, rank) + exchanged_memory(weight, 2 * rank);
}

std::unique_ptr<ModuleChange> open_osf(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                       double strength, const ReadRows& base) {
  TakenPart own{read_matrix(adapter, factor(module, kU)), read_matrix(adapter, factor(module, kV))};
  const std::vector<float> values = read_factor(adapter, factor(module, kS));
  for (size_t i = 0; i < own.left.elements.size(); ++i) own.left.elements[i] *= values[i % values.size()];
  return exchanged(own, singular_parts(module, weight, base, values.size(), false), strength);
}

}  // namespace

const AdapterKind kOsfKind = {.name = "OSF", .adds = false, .fault = osf_fault, .memory = osf_memory, .open = open_osf};

}  // namespace ckmerge
