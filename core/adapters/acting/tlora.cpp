// SPDX-License-Identifier: Apache-2.0
// T-LoRA of LyCORIS: W + s (P diag(l) Q - T), T the sum of the r largest singular parts of W, from which training
// began. LyCORIS can begin from the smallest parts or those in the middle as well (sig_type), or from a random matrix
// (use_data_init), and no file says so. It is seen at the factors, which lie along the directions that they began from:
// of the largest parts all of them at first, of others less than half way between all and what chance has.
#include <algorithm>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/acting/taken_parts.h"
#include "core/adapters/kind_rows.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

uint64_t rank_of(const Adapter& adapter, const AdapterModule& module) {
  return rows_of(factor_tensor(adapter, factor(module, "q_layer")).shape);
}

// Of a kernel of one point, what is added is a matrix.
ModuleWeight as_matrix(const ModuleWeight& weight) { return {.shape = {weight.rows(), weight.columns()}}; }

std::string tlora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string lacking = lacking_factor(module, {"q_layer", "p_layer", "lambda_layer"}); !lacking.empty())
    return lacking;
  if (module.factors.size() > 3) return "it has further factors, which is not known of T-LoRA";
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (std::string other = no_matrix(weight, "T-LoRA"); !other.empty()) return other;
  if (weight.shape[1] != weight.columns())
    return "T-LoRA of a kernel with more than one point is not known: LyCORIS itself cannot merge it";
  if (std::string found = singular_fault(as_matrix(weight), module.kind->name); !found.empty()) return found;
  const Shape q = factor_tensor(adapter, factor(module, "q_layer")).shape,
              p = factor_tensor(adapter, factor(module, "p_layer")).shape;
  if (columns_of(p) != rows_of(q)) return misfit("p_layer", columns_of(p), "columns", "q_layer has rank", rows_of(q));
  const uint64_t numbers = factor_tensor(adapter, factor(module, "lambda_layer")).count;
  if (numbers != rows_of(q)) return misfit("lambda_layer", numbers, "numbers", "q_layer has rank", rows_of(q));
  return misfit(weight, false, "p_layer", rows_of(p), "q_layer", columns_of(q));
}

uint64_t tlora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t rank = rank_of(adapter, module);
  const uint64_t seen = rank * std::max(weight.rows(), weight.columns()) * sizeof(float);
  return singular_memory(weight, rank) + seen + exchanged_memory(weight, 2 * rank);
}

std::string percent(double share) { return sentence(static_cast<int>(100 * share + 0.5), " %"); }

// Throws where the factors do not lie along the `rank` largest parts. With all parts there is nothing to tell apart.
void expect_largest(const Adapter& adapter, const AdapterModule& module, const TakenPart& own,
                    const SingularParts& parts, uint64_t rank) {
  if (rank >= parts.count()) return;
  const double by_chance = static_cast<double>(rank) / static_cast<double>(parts.count());
  const double least = (1 + by_chance) / 2;
  const double largest = parts.share_of(own, 0, rank);
  const double smallest = parts.share_of(own, parts.count() - rank, rank);
  const double middle = parts.share_of(own, (parts.count() - rank) / 2, rank);
  if (largest >= least && largest >= std::max(smallest, middle)) return;
  const auto refuse = [&](const auto&... why) {
    throw Error(ErrorCode::mismatch, adapter.file.path,
                sentence(adapter.file.path, ": module '", module.name, "' is a T-LoRA ", why...));
  };
  if (std::max(smallest, middle) >= least)
    refuse("with sig_type ", smallest >= middle ? "last" : "middle", ", whose factors lie by ",
           percent(std::max(smallest, middle)), " along the ", smallest >= middle ? "smallest" : "middle",
           " singular parts of the weight and by ", percent(largest),
           " along the largest: LyCORIS itself reads its files as of the largest, so that nothing merges it; train it "
           "with sig_type principal");
  refuse("whose factors lie by ", percent(largest),
         " along the largest singular parts of the weight, where chance has ", percent(by_chance),
         ": it began from a random matrix (use_data_init false), which no file has, or from another model; take the "
         "model that it was trained on");
}

std::unique_ptr<ModuleChange> open_tlora(const Adapter& adapter, const AdapterModule& module,
                                         const ModuleWeight& weight, double strength, const ReadRows& base) {
  TakenPart own{read_matrix(adapter, factor(module, "p_layer")), read_matrix(adapter, factor(module, "q_layer"))};
  const uint64_t rank = own.right.rows;
  TakenPart taken;
  {
    const SingularParts parts(module, as_matrix(weight), base);
    expect_largest(adapter, module, own, parts, rank);
    taken = parts.sum(0, std::min(rank, parts.count()));
  }
  const std::vector<float> numbers = read_factor(adapter, factor(module, "lambda_layer"));
  for (size_t i = 0; i < own.left.elements.size(); ++i) own.left.elements[i] *= numbers[i % rank];
  return exchanged(own, taken, module.scale * strength);
}

}  // namespace

const AdapterKind kTloraKind = {
    .name = "T-LoRA", .adds = false, .fault = tlora_fault, .memory = tlora_memory, .open = open_tlora};

}  // namespace ckmerge
