// SPDX-License-Identifier: Apache-2.0
#include "core/plan/graph_tracing.h"

#include <algorithm>
#include <utility>

#include "io/text/error.h"

namespace ckmerge {

GraphTracing::GraphTracing(const MergeGraph& graph, const Of& of)
    : graph_(graph),
      numbers_(of.numbers),
      only_first_(of.only_first),
      adapters_(of.adapters),
      formula_(of.compute),
      result_(trace(of.terms)) {}

// Terms stand behind those that they refer to, so that they can be traced in their order: a graph may be deeper than a
// thread's stack.
Symbol GraphTracing::trace(std::span<const TermId> terms) {
  for (const TermId id : terms) known_[id] = trace(graph_[id], id == terms.back());
  return known_.at(terms.back());
}

Symbol GraphTracing::trace(const Term& term, bool is_result) {
  switch (term.kind) {
    case Term::Kind::input: return only_first_ && term.input > 0 ? formula_.zero() : formula_.operand(term.input);
    case Term::Kind::method: return trace_method(term);
    case Term::Kind::adapter: return trace_adapter(term);
    case Term::Kind::sum: return trace_sum(term, is_result);
    case Term::Kind::number:
    case Term::Kind::arithmetic: break;  // read by whoever refers to it
  }
  return {};
}

Symbol GraphTracing::trace_adapter(const Term& term) {
  const uint32_t operand = adapters_[term.input];
  return operand == kAbsent || only_first_ ? formula_.zero() : formula_.change(operand);
}

// Whether its operand `i` is what an adapter changes, and not nothing.
bool GraphTracing::adds_changes(const Term& sum, size_t i) const {
  const Term& operand = graph_[sum.operands[i]];
  return operand.kind == Term::Kind::adapter && !only_first_ && adapters_[operand.input] != kAbsent &&
         !factor(sum, i).is(0);
}

// What is subtracted is so by one operation. What adapters add to a merge comes last, whatever the order in which it
// was written: it is added to what the merge makes, of which equal elements are kept.
Symbol GraphTracing::trace_sum(const Term& term, bool is_result) {
  std::optional<Symbol> sum, added;
  const auto add = [&](size_t i, std::optional<Symbol>& to) {
    const Symbol operand = known_.at(term.operands[i]);
    const Coefficient k = factor(term, i);
    if (!to)
      to = k * operand;
    else
      to = k.given == -1 ? *to - operand : *to + k * operand;
  };
  bool any = false;
  for (size_t i = 0; i < term.operands.size(); ++i) adds_changes(term, i) ? static_cast<void>(any = true) : add(i, sum);
  const std::optional<Symbol> base = sum;  // compiled by itself, it keeps equal elements as well
  if (any && sum && is_result) sum = ckmerge::kept(*sum);
  for (size_t i = 0; any && i < term.operands.size(); ++i)
    if (adds_changes(term, i)) {
      add(i, sum);
      add(i, added);
    }
  if (any && base && is_result) change_ = Change{*base, *added};
  return *sum;
}

Coefficient GraphTracing::factor(const Term& term, size_t i) const {
  return formula_.coefficient(numbers_[term.factors[i]]);
}

Symbol GraphTracing::trace_method(const Term& term) {
  const Method& method = *find_method(term.method);
  std::vector<double> given = coefficients_of(term, numbers_);
  std::vector<Symbol> inputs;
  for (const TermId id : term.operands) inputs.push_back(known_.at(id));
  if (!method.reductions || !method.needs_statistics(given))
    return method.trace(Tracing(formula_, std::move(inputs), given, std::nullopt));
  const uint16_t first_slot = take_slots(given.size());
  const Tracing in(formula_, std::move(inputs), given, first_slot);
  std::vector<Reduced> reductions = method.reductions(in);
  std::ranges::stable_sort(reductions, {}, &Reduced::round);
  nodes_.push_back({&method, given, first_slot, std::move(reductions)});
  return method.trace(in);
}

uint16_t GraphTracing::take_slots(size_t count) {
  const size_t first = std::exchange(slot_count_, slot_count_ + count);
  if (slot_count_ > Instruction::kNoSlot)
    throw Error(ErrorCode::usage, "formula",
                "the formula has too many methods that need statistics of their tensors; split it into two merges");
  return static_cast<uint16_t>(first);
}

}  // namespace ckmerge
