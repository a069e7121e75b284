// SPDX-License-Identifier: Apache-2.0
#include "core/formula/beside_operands.h"

#include <array>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// In the order of MadeOperand::Kind.
constexpr auto kKindNames =
    std::to_array<const char*>({"mask", "torch_rank", "stays", "stays_ascending", "variances", "draw"});
static_assert(kKindNames.size() == static_cast<size_t>(MadeOperand::Kind::draw) + 1);

}  // namespace

std::string beside_text(const MergeGraph& graph, const Term& term, MadeOperand::Kind kind, size_t input) {
  return sentence(whole_text(graph, term), " ", kKindNames[static_cast<size_t>(kind)], " of ", input);
}

BesideOperands::BesideOperands(const MergeGraph& graph, std::span<const Checkpoint> checkpoints) {
  const auto first = given_checkpoints(checkpoints).size();
  if (first == checkpoints.size()) return;
  for (TermId id = 0; id < graph.terms().size(); ++id) {
    const Term& term = graph[id];
    if (term.kind != Term::Kind::method || !find_method(term.method)->made || !has_whole_inputs(graph, term)) continue;
    for (size_t number = 0; number < kKindNames.size(); ++number)
      for (size_t input = 1; input < term.operands.size(); ++input) {
        const auto kind = static_cast<MadeOperand::Kind>(number);
        const std::string text = beside_text(graph, term, kind, input);
        for (size_t k = first; k < checkpoints.size(); ++k)
          if (checkpoints[k].made_whole->term == text) operands_[{id, kind, input}] = static_cast<uint32_t>(k);
      }
  }
}

std::optional<uint32_t> BesideOperands::find(TermId term, const MadeOperand& wanted) const {
  const auto found = operands_.find({term, wanted.kind, wanted.input});
  if (found == operands_.end()) return std::nullopt;
  return found->second;
}

}  // namespace ckmerge
