// SPDX-License-Identifier: Apache-2.0
#include "core/plan/graph_tracing.h"

#include <algorithm>
#include <map>
#include <utility>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {

GraphTracing::GraphTracing(const MergeGraph& graph, const Of& of)
    : graph_(graph),
      numbers_(of.numbers),
      only_first_(of.only_first),
      adapters_(of.adapters),
      whole_(of.whole),
      beside_(of.beside),
      formula_(of.compute),
      result_(trace(of.terms)) {}

// Terms stand behind those that they refer to, so that they can be traced in their order: a graph may be deeper than a
// thread's stack.
Symbol GraphTracing::trace(std::span<const TermId> terms) {
  for (const TermId id : terms) {
    const std::optional<Symbol> whole = trace_whole(id);
    known_[id] = whole ? *whole : trace(id, id == terms.back());
  }
  return known_.at(terms.back());
}

// A delta is no weights of which equal ones are kept, whatever the elements beside it are.
std::optional<Symbol> GraphTracing::trace_whole(TermId id) {
  if (!whole_ || !whole_->contains(id)) return std::nullopt;
  const uint32_t operand = whole_->at(id);
  return graph_[id].type == TermType::delta ? formula_.change(operand) : formula_.operand(operand);
}

Symbol GraphTracing::trace(TermId id, bool is_result) {
  const Term& term = graph_[id];
  switch (term.kind) {
    case Term::Kind::input: return only_first_ && term.input > 0 ? formula_.zero() : formula_.operand(term.input);
    case Term::Kind::method: return trace_method(id);
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

// Where only the first checkpoint counts, nothing is beside it.
void GraphTracing::take_made(TermId id, std::span<const double> given, Tracing& in) {
  const Method& method = *find_method(graph_[id].method);
  if (!method.made) return;
  for (const MadeOperand& wanted : method.made(in.inputs(), given)) {
    const std::optional<uint32_t> operand = beside_ ? beside_->find(id, wanted) : std::nullopt;
    if (!operand)
      throw Error(ErrorCode::usage, method.spec->name,
                  sentence(method.spec->name,
                           " wants the order of whole tensors, or numbers that are drawn for all of them, which nobody "
                           "has prepared; call add_orders() before make_plan()"));
    in.take_made(wanted, only_first_ ? formula_.zero() : formula_.beside(*operand));
  }
}

Symbol GraphTracing::trace_method(TermId id) {
  const Term& term = graph_[id];
  const Method& method = *find_method(term.method);
  std::vector<double> given = coefficients_of(term, numbers_);
  std::vector<Symbol> inputs;
  for (const TermId id : term.operands) inputs.push_back(known_.at(id));
  const bool has_slots = method.reductions && method.needs_statistics(given);
  // Taken where they stay empty, too: those of a term are the same for all tensors (Statistics::finish_model()).
  const size_t place = method.reductions ? take_slots(given.size()) : 0;
  const std::optional<uint16_t> first_slot = has_slots ? std::optional(checked_slot(place)) : std::nullopt;
  const auto first_line = static_cast<uint16_t>(line_count_);
  const size_t lines = has_slots && method.line_coefficient_count ? method.line_coefficient_count(given) : 0;
  line_count_ += lines;
  Tracing in(formula_, std::move(inputs), given, first_slot, first_line);
  take_made(id, given, in);
  if (!has_slots) return method.trace(in);
  std::vector<Reduced> reductions = method.reductions(in);
  std::ranges::stable_sort(reductions, {}, &Reduced::round);
  nodes_.push_back({&method, given, *first_slot, std::move(reductions), first_line, static_cast<uint16_t>(lines)});
  return method.trace(in);
}

Over GraphTracing::Node::over() const {
  for (const Reduced& reduced : reductions)
    if (reduced.over != Over::tensor) return reduced.over;
  return Over::tensor;
}

size_t GraphTracing::take_slots(size_t count) { return std::exchange(slot_count_, slot_count_ + count); }

uint16_t GraphTracing::checked_slot(size_t first) const {
  if (slot_count_ > Instruction::kNoSlot)
    throw Error(ErrorCode::usage, "formula",
                "the formula has too many methods that need statistics of their tensors; split it into two merges");
  return static_cast<uint16_t>(first);
}

// ---- programs

std::string subject_of(const MergeGraph& graph) {
  Term result = graph[graph.result()];
  if (result.kind == Term::Kind::sum && graph[result.operands.back()].kind == Term::Kind::adapter)
    result = graph[result.operands[0]];
  return result.kind == Term::Kind::method ? result.method : "the formula";
}

namespace {

size_t input_count(const MergeGraph& graph) {
  return static_cast<size_t>(std::ranges::count(graph.terms(), Term::Kind::input, &Term::kind));
}

}  // namespace

Program compiled(const MergeGraph& graph, Symbol symbol) {
  std::optional<Program> program = compile(symbol);
  if (program) return *std::move(program);
  throw Error(ErrorCode::usage, subject_of(graph),
              sentence(subject_of(graph), " needs more than the ", kMaxRegisters, " registers there are for ",
                       counted(input_count(graph), "checkpoint"), "; give it fewer"));
}

void number_operands(Program& program, std::vector<uint32_t>& used) {
  for (Instruction& instruction : program.code) {
    if (instruction.op != Op::load) continue;
    const auto known = std::ranges::find(used, instruction.operand);
    const auto index = static_cast<uint16_t>(known - used.begin());
    if (known == used.end()) used.push_back(instruction.operand);
    instruction.operand = index;
  }
}

// ---- statistics

namespace {

bool fills_any(const Program& program, const GraphTracing::Node& node) {
  return std::ranges::any_of(program.code, [&](const Instruction& i) { return node.fills(i); });
}

// Nothing where zeros change nothing.
std::optional<Program> tail_program(const MergeGraph& graph, Symbol symbol, Reduce how) {
  if (symbol.node->kind == SymbolNode::Kind::zero && how != Reduce::cut) return std::nullopt;
  return compiled(graph, symbol);
}

constexpr size_t kMostLevels = UINT8_MAX;

// A node of which a program's slots hang, with its reductions as programs.
struct NeededNode {
  const GraphTracing::Node* node;
  std::vector<Reduction> reductions;
  size_t walks = 0;  // of all rounds
  size_t level = 0;  // of the first

  // Of the first walk of a round, or of what comes after the last.
  size_t level_of(size_t round) const {
    std::map<uint8_t, size_t> walks;  // by round before it
    for (size_t r = 0; r < reductions.size() && node->reductions[r].round < round; ++r) {
      size_t& most = walks[node->reductions[r].round];
      most = std::max(most, reductions[r].walks());
    }
    size_t sum = level;
    for (const auto& [before, count] : walks) sum += count;
    return sum;
  }
  size_t rounds() const { return node->reductions.back().round + size_t{1}; }
  size_t end_level() const { return level + walks; }

  bool any_program(const auto& test) const {
    return std::ranges::any_of(reductions, [&](const Reduction& reduction) {
      return test(reduction.value) || (reduction.factor && test(*reduction.factor)) ||
             (reduction.tail_value && test(*reduction.tail_value)) ||
             (reduction.tail_factor && test(*reduction.tail_factor));
    });
  }
  bool hangs_on(const GraphTracing::Node& other) const {
    return any_program([&](const Program& program) { return fills_any(program, other); });
  }
};

std::vector<Reduction> reductions_of(const MergeGraph& graph, const GraphTracing::Node& whole,
                                     const GraphTracing::Node& tail) {
  std::vector<Reduction> reductions;
  for (size_t r = 0; r < whole.reductions.size(); ++r) {
    Reduction& reduction = reductions.emplace_back(Reduction{.value = compiled(graph, whole.reductions[r].value),
                                                             .how = whole.reductions[r].how,
                                                             .cut = whole.reductions[r].cut,
                                                             .over = whole.reductions[r].over});
    if (whole.reductions[r].factor) reduction.factor = compiled(graph, *whole.reductions[r].factor);
    reduction.tail_value = tail_program(graph, tail.reductions[r].value, reduction.how);
    if (tail.reductions[r].factor)
      reduction.tail_factor = tail_program(graph, *tail.reductions[r].factor, reduction.how);
  }
  return reductions;
}

// The nodes on which `program` hangs, those first that others hang on. The tails' nodes are those of the whole, in the
// same order, because what is traced depends on numbers alone.
std::vector<NeededNode> needed_nodes(const MergeGraph& graph, const Program& program, const TracedNodes& nodes) {
  std::vector<NeededNode> needed;
  for (size_t n = nodes.whole.nodes().size(); n-- > 0;) {
    const GraphTracing::Node& node = nodes.whole.nodes()[n];
    const auto hangs_on = [&](const NeededNode& other) { return other.hangs_on(node); };
    if (!fills_any(program, node) && std::ranges::none_of(needed, hangs_on)) continue;
    NeededNode& one = needed.emplace_back(NeededNode{&node, reductions_of(graph, node, nodes.tail.nodes()[n])});
    one.walks = one.level_of(one.rounds());
  }
  std::ranges::reverse(needed);
  for (size_t n = 0; n < needed.size(); ++n) {
    for (size_t before = 0; before < n; ++before)
      if (needed[n].level < needed[before].end_level() && needed[n].hangs_on(*needed[before].node))
        needed[n].level = needed[before].end_level();
    if (needed[n].end_level() > kMostLevels + 1)
      throw Error(ErrorCode::usage, "formula",
                  "methods that need statistics lie in each other so deep that they walk over the inputs more than 256 "
                  "times; merge in two steps");
  }
  return needed;
}

void add_round(StatisticSet& set, NeededNode& one, size_t round, std::vector<uint32_t>& used) {
  const auto first = set.reductions.size();
  const size_t level = one.level_of(round), end = one.level_of(round + 1);
  for (size_t r = 0; r < one.reductions.size(); ++r) {
    if (one.node->reductions[r].round != round) continue;
    Reduction& reduction = set.reductions.emplace_back(one.reductions[r]);
    reduction.for_each_program([&](Program& program) { number_operands(program, used); });
    reduction.level = static_cast<uint8_t>(level);
  }
  if (first == set.reductions.size()) return;
  set.coefficients.push_back({.method = one.node->method,
                              .given = one.node->given,
                              .round = static_cast<uint8_t>(round),
                              .first_reduction = static_cast<uint16_t>(first),
                              .reduction_count = static_cast<uint16_t>(set.reductions.size() - first),
                              .first_slot = one.node->first_slot,
                              .over = one.node->over(),
                              .first_line = one.node->first_line,
                              .line_count = one.node->line_count,
                              .level = static_cast<uint8_t>(end - 1)});
}

}  // namespace

StatisticSet statistic_set(const MergeGraph& graph, const Program& program, const TracedNodes& nodes,
                           std::vector<uint32_t>& used) {
  StatisticSet set{.reductions = {}, .coefficients = {}, .slot_count = nodes.whole.slot_count(), .line_count = 0};
  for (NeededNode& one : needed_nodes(graph, program, nodes))
    for (size_t round = 0; round < one.rounds(); ++round) add_round(set, one, round, used);
  const auto has_lines = [](const TensorCoefficients& made) { return made.over != Over::tensor; };
  if (std::ranges::any_of(set.coefficients, has_lines)) set.line_count = nodes.whole.line_count();
  if (set.reductions.size() > UINT16_MAX)
    throw Error(ErrorCode::usage, "formula", "the formula needs more than 65535 statistics; merge in two steps");
  return set;
}

}  // namespace ckmerge
