// SPDX-License-Identifier: Apache-2.0
// LoRA on a base that initialisation changed, as PEFT does it again on the base that it is given; no file has what was
// left of it, so that the base must be the very same. The delta is what is added less what was taken out, and both go
// by strength.
// - PiSSA takes the r largest singular parts out: W - U_r S_r V_r^T + s B A.
// - OLoRA takes s Q R, Q R the decomposition of the weight cut at r: W - s Q_r Q_r^T W + s B A.
// - KaSA takes the r smallest singular parts, and has a number for each rank: W - .. + s B diag(d) A.
#include <algorithm>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/acting/taken_parts.h"
#include "core/adapters/kind_rows.h"

namespace ckmerge {
namespace {

enum class Taken : uint8_t { largest, smallest, spanned };

uint64_t rank_of(const Adapter& adapter, const AdapterModule& module) {
  return rows_of(factor_tensor(adapter, factor(module, "lora_A")).shape);
}

template <Taken taken>
std::string pissa_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string lacking = lacking_factor(module, {"lora_A", "lora_B"}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (find_factor(module, "lora_mid") || find_factor(module, "lora_B.bias"))
    return "it has more than two factors, which is not known of an initialisation that changes the base";
  if (taken != Taken::spanned)
    if (std::string found = singular_fault(weight, module.kind->name); !found.empty()) return found;
  if (taken != Taken::largest)
    if (std::string other = no_matrix(weight, module.kind->name); !other.empty()) return other;
  if (weight.shape.size() != 2) return "it is of a matrix, and this weight is none";
  const Shape down = factor_tensor(adapter, factor(module, "lora_A")).shape;
  const Shape up = factor_tensor(adapter, factor(module, "lora_B")).shape;
  const uint64_t in = weight.transposed ? weight.rows() : weight.columns();
  const uint64_t out = weight.transposed ? weight.columns() : weight.rows();
  if (columns_of(up) != rows_of(down))
    return misfit("lora_B", columns_of(up), "columns", "lora_A has rank", rows_of(down));
  if (columns_of(down) != in) return misfit("lora_A", columns_of(down), "columns", "the weight", in);
  if (rows_of(up) != out) return misfit("lora_B", rows_of(up), "rows", "the weight", out);
  if (rows_of(down) > std::min(in, out))
    return misfit("lora_A", rows_of(down), "rows", "parts of the weight", std::min(in, out));
  const Factor* const diagonal = find_factor(module, "lora_diag");
  if (!diagonal) return taken == Taken::smallest ? "it has no lora_diag" : "";
  const uint64_t numbers = factor_tensor(adapter, *diagonal).count;
  return numbers == rows_of(down) ? "" : misfit("lora_diag", numbers, "numbers", "lora_A has rank", rows_of(down));
}

template <Taken taken>
uint64_t pissa_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t rank = rank_of(adapter, module);
  const uint64_t meanwhile = taken == Taken::spanned ? spanned_memory(weight, rank) : singular_memory(weight, rank);
  return meanwhile + exchanged_memory(weight, 2 * rank);
}

// s B and A as the checkpoint has the weight; of KaSA, diag(d) A.
TakenPart own_part(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  FactorMatrix up = read_matrix(adapter, factor(module, "lora_B")),
               down = read_matrix(adapter, factor(module, "lora_A"));
  if (const Factor* const diagonal = find_factor(module, "lora_diag")) {
    const std::vector<float> numbers = read_factor(adapter, *diagonal);
    for (size_t i = 0; i < down.elements.size(); ++i) down.elements[i] *= numbers[i / down.columns];
  }
  for (float& value : up.elements) value = static_cast<float>(module.scale * double{value});
  if (weight.transposed) return {transposed(down), transposed(up)};
  return {std::move(up), std::move(down)};
}

template <Taken taken>
std::unique_ptr<ModuleChange> open_pissa(const Adapter& adapter, const AdapterModule& module,
                                         const ModuleWeight& weight, double strength, const ReadRows& base) {
  const uint64_t rank = rank_of(adapter, module);
  const TakenPart own = own_part(adapter, module, weight);
  if (taken != Taken::spanned)
    return exchanged(own, singular_parts(module, weight, base, rank, taken == Taken::largest), strength);
  TakenPart part = spanned_part(weight, base, rank);
  for (float& value : part.left.elements) value = static_cast<float>(module.scale * double{value});
  return exchanged(own, part, strength);
}

template <Taken taken>
constexpr AdapterKind on_changed_base(std::string_view name) {
  return {.name = name,
          .adds = false,
          .fault = pissa_fault<taken>,
          .memory = pissa_memory<taken>,
          .open = open_pissa<taken>};
}

}  // namespace

const AdapterKind kPissaKind = on_changed_base<Taken::largest>("PiSSA");
const AdapterKind kOloraKind = on_changed_base<Taken::spanned>("OLoRA");
const AdapterKind kKasaKind = on_changed_base<Taken::smallest>("KaSA");

}  // namespace ckmerge
