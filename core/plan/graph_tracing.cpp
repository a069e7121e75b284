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

// One after the other: the order of slots hangs on it.
template <typename Join>
Symbol GraphTracing::both(const Term& term, const Join& join) {
  const Symbol first = trace(term.operands[0]), second = trace(term.operands[1]);
  return join(first, second);
}

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
    case Term::Kind::add: symbol = both(term, [](Symbol x, Symbol y) { return x + y; }); break;
    case Term::Kind::subtract: symbol = both(term, [](Symbol x, Symbol y) { return x - y; }); break;
    case Term::Kind::scale: symbol = formula_.coefficient(numbers_[term.operands[0]]) * trace(term.operands[1]); break;
  }
  known_[id] = symbol;
  return symbol;
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
