// SPDX-License-Identifier: Apache-2.0
#include "core/plan/graph_tracing.h"

#include <utility>

#include "io/text/error.h"

namespace ckmerge {

GraphTracing::GraphTracing(const MergeGraph& graph, std::span<const double> numbers, Dtype compute, bool only_first)
    : graph_(graph),
      numbers_(numbers),
      only_first_(only_first),
      formula_(compute),
      known_(graph.terms().size()),
      result_(trace(graph.result())) {}

Symbol GraphTracing::trace(TermId id) {
  if (known_[id]) return *known_[id];
  const Term& term = graph_[id];
  Symbol symbol;
  switch (term.kind) {
    case Term::Kind::input:
      symbol = only_first_ && term.input > 0 ? formula_.zero() : formula_.operand(term.input);
      break;
    case Term::Kind::number: break;  // read by whoever refers to it
    case Term::Kind::method: symbol = trace_method(term); break;
    case Term::Kind::sum: symbol = trace_sum(term); break;
  }
  known_[id] = symbol;
  return symbol;
}

// One operand after the other: the order of slots hangs on it. What is subtracted is so by one operation.
Symbol GraphTracing::trace_sum(const Term& term) {
  Symbol sum = factor(term, 0) * trace(term.operands[0]);
  for (size_t i = 1; i < term.operands.size(); ++i) {
    const Symbol operand = trace(term.operands[i]);
    const Coefficient k = factor(term, i);
    sum = k.given == -1 ? sum - operand : sum + k * operand;
  }
  return sum;
}

Coefficient GraphTracing::factor(const Term& term, size_t i) const {
  return formula_.coefficient(numbers_[term.factors[i]]);
}

Symbol GraphTracing::trace_method(const Term& term) {
  const Method& method = *find_method(term.method);
  std::vector<double> given = coefficients_of(term, numbers_);
  std::vector<Symbol> inputs;
  for (const TermId id : term.operands) inputs.push_back(trace(id));
  if (method.reductions.empty() || !method.needs_statistics(given))
    return method.trace(Tracing(formula_, std::move(inputs), given, std::nullopt));
  const uint8_t first_slot = take_slots(given.size());
  const Tracing in(formula_, std::move(inputs), given, first_slot);
  std::vector<Node::Reduced> reductions;
  for (const ReductionSpec& spec : method.reductions) {
    const Symbol value = spec.value(in);
    reductions.push_back({value, spec.factor ? std::optional(spec.factor(in)) : std::nullopt});
  }
  nodes_.push_back({&method, given, first_slot, std::move(reductions)});
  return method.trace(in);
}

uint8_t GraphTracing::take_slots(size_t count) {
  const size_t first = std::exchange(slot_count_, slot_count_ + count);
  if (slot_count_ > Instruction::kNoSlot)
    throw Error(ErrorCode::usage, "formula",
                "the formula has too many methods that need statistics of their tensors; split it into two merges");
  return static_cast<uint8_t>(first);
}

}  // namespace ckmerge
