// SPDX-License-Identifier: Apache-2.0
#include "core/plan/merge_program.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/formula.h"

namespace ckmerge {
namespace {

// What is at fault where a graph needs too much: its one method, or all of it.
std::string subject(const MergeGraph& graph) {
  Term result = graph[graph.result()];
  if (result.kind == Term::Kind::sum && graph[result.operands.back()].kind == Term::Kind::adapter)
    result = graph[result.operands[0]];
  return result.kind == Term::Kind::method ? result.method : "the formula";
}

size_t input_count(const MergeGraph& graph) {
  return static_cast<size_t>(std::ranges::count(graph.terms(), Term::Kind::input, &Term::kind));
}

Program compiled(const MergeGraph& graph, Symbol symbol) {
  std::optional<Program> program = compile(symbol);
  if (program) return *std::move(program);
  throw Error(ErrorCode::usage, subject(graph),
              sentence(subject(graph), " needs more than the ", kMaxRegisters, " registers there are for ",
                       counted(input_count(graph), "checkpoint"), "; give it fewer"));
}

// Only what is loaded is opened, populated and read: operand i becomes the i-th checkpoint that is.
void number_operands(Program& program, std::vector<uint32_t>& used) {
  for (Instruction& instruction : program.code) {
    if (instruction.op != Op::load) continue;
    const auto known = std::ranges::find(used, instruction.operand);
    const auto index = static_cast<uint16_t>(known - used.begin());
    if (known == used.end()) used.push_back(instruction.operand);
    instruction.operand = index;
  }
}

bool fills_any(const Program& program, const GraphTracing::Node& node) {
  return std::ranges::any_of(program.code,
                             [&](const Instruction& i) { return node.has(i.slot0) || node.has(i.slot1); });
}

std::optional<Program> tail_program(const MergeGraph& graph, Symbol symbol) {
  if (symbol.node->kind == SymbolNode::Kind::zero) return std::nullopt;
  return compiled(graph, symbol);
}

constexpr size_t kMostLevels = UINT8_MAX;

// A node of which a program's slots hang, with its reductions as programs.
struct NeededNode {
  const GraphTracing::Node* node;
  std::vector<Reduction> reductions;
  size_t level = 0;  // of its first round

  // Of the first walk after its last round.
  size_t end_level() const { return level + node->reductions.back().round + 1; }

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
    Reduction& reduction = reductions.emplace_back(
        Reduction{.value = compiled(graph, whole.reductions[r].value), .how = whole.reductions[r].how});
    if (whole.reductions[r].factor) reduction.factor = compiled(graph, *whole.reductions[r].factor);
    reduction.tail_value = tail_program(graph, tail.reductions[r].value);
    if (tail.reductions[r].factor) reduction.tail_factor = tail_program(graph, *tail.reductions[r].factor);
  }
  return reductions;
}

// The nodes on which `program` hangs, those first that others hang on. The tails' nodes are those of the whole, in the
// same order, because what is traced depends on numbers alone.
std::vector<NeededNode> needed_nodes(const MergeGraph& graph, const Program& program, const GraphTracing& whole,
                                     const GraphTracing& tail) {
  std::vector<NeededNode> needed;
  for (size_t n = whole.nodes().size(); n-- > 0;) {
    const GraphTracing::Node& node = whole.nodes()[n];
    const auto hangs_on = [&](const NeededNode& other) { return other.hangs_on(node); };
    if (fills_any(program, node) || std::ranges::any_of(needed, hangs_on))
      needed.push_back({&node, reductions_of(graph, node, tail.nodes()[n])});
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

void number_operands(Reduction& reduction, std::vector<uint32_t>& used) {
  number_operands(reduction.value, used);
  for (std::optional<Program>* program : {&reduction.factor, &reduction.tail_value, &reduction.tail_factor})
    if (*program) number_operands(**program, used);
}

// Adds the round of a node that is made on `level`.
void add_round(StatisticSet& set, NeededNode& one, size_t level, std::vector<uint32_t>& used) {
  const auto first = set.reductions.size();
  const size_t round = level - one.level;
  for (size_t r = 0; r < one.reductions.size(); ++r) {
    if (one.node->reductions[r].round != round) continue;
    number_operands(one.reductions[r], used);
    one.reductions[r].level = static_cast<uint8_t>(level);
    set.reductions.push_back(std::move(one.reductions[r]));
  }
  set.coefficients.push_back({.method = one.node->method,
                              .given = one.node->given,
                              .round = static_cast<uint8_t>(round),
                              .first_reduction = static_cast<uint16_t>(first),
                              .reduction_count = static_cast<uint16_t>(set.reductions.size() - first),
                              .first_slot = one.node->first_slot,
                              .level = static_cast<uint8_t>(level)});
}

// What fills the slots of `program`.
StatisticSet statistic_set(std::vector<NeededNode> needed, size_t slot_count, std::vector<uint32_t>& used) {
  StatisticSet set{.reductions = {}, .coefficients = {}, .slot_count = slot_count};
  size_t levels = 0;
  for (const NeededNode& one : needed) levels = std::max(levels, one.end_level());
  for (size_t level = 0; level < levels; ++level)
    for (NeededNode& one : needed)
      if (level >= one.level && level < one.end_level()) add_round(set, one, level, used);
  if (set.reductions.size() > UINT16_MAX)
    throw Error(ErrorCode::usage, "formula", "the formula needs more than 65535 statistics; merge in two steps");
  return set;
}

// ---- finding what is there already

void mix(uint64_t& hash, uint64_t value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15 + (hash >> 29); }

uint64_t hash_of(const Program& program) {
  uint64_t hash = program.result;
  for (const Instruction& i : program.code) {
    mix(hash, static_cast<uint64_t>(i.op) | uint64_t{i.dst} << 8 | uint64_t{i.a} << 24 | uint64_t{i.b} << 40);
    mix(hash, i.c | uint64_t{i.operand} << 16 | uint64_t{i.slot0} << 32 | uint64_t{i.slot1} << 48);
    // Zeros of both signs are equal.
    mix(hash, std::bit_cast<uint64_t>(i.k0 + 0.0));
    mix(hash, std::bit_cast<uint64_t>(i.k1 + 0.0));
  }
  return hash;
}

uint64_t hash_of(const StatisticSet& set) {
  uint64_t hash = set.slot_count;
  for (const TensorCoefficients& coefficients : set.coefficients)
    for (const double given : coefficients.given) mix(hash, std::bit_cast<uint64_t>(given + 0.0));
  return hash;
}

}  // namespace

MergePrograms::MergePrograms(const MergeGraph& graph, size_t first_adapter, size_t adapters)
    : graph_(graph),
      first_adapter_(first_adapter),
      depends_on_names_(graph.depends_on_names()),
      numbers_(graph),
      present_(adapters) {
  if (depends_on_names_) return;
  for (size_t result = graph.results().size(); result-- > 0;) {
    take_name("", result);
    whole(Dtype::F32);
  }
}

void MergePrograms::take_name(std::string_view name, size_t result) {
  if (is_current(result) && !depends_on_names_) return;
  const TermId id = graph_.results()[result];
  of_name_ = &numbers_.of(name, id);
  const std::vector<TermId>& named = numbers_.terms_of(id).named;
  const auto has_number = [&](TermId number, double value) { return (*of_name_)[number] == value; };
  if (is_current(result) && std::ranges::equal(named, current_->first.numbers, has_number)) return;
  Key key{result, present_, {}};
  for (const TermId number : named) key.numbers.push_back((*of_name_)[number]);
  current_ = &*known_.try_emplace(std::move(key)).first;
  if (depends_on_names_) try {
      whole(Dtype::F32);
    } catch (const Error& error) {
      throw Error(error.code(), error.where(), sentence(error.what(), " (for ", name, ")"));
    }
}

std::vector<uint32_t> MergePrograms::adapter_operands() const {
  std::vector<uint32_t> operands;
  for (size_t i = 0; i < present_.size(); ++i)
    operands.push_back(present_[i] ? static_cast<uint32_t>(first_adapter_ + i) : GraphTracing::kAbsent);
  return operands;
}

std::optional<uint32_t> MergePrograms::bare_input() const {
  const Term& term = graph_[graph_.results()[current_->first.result]];
  if (term.kind != Term::Kind::input) return std::nullopt;
  return term.input;
}

Dtype MergePrograms::compute_of(std::span<const Dtype> dtypes) {
  const auto is_wide = [&](uint32_t k) { return dtypes[k] == Dtype::F64; };
  const bool any = std::ranges::find(dtypes, Dtype::F64) != dtypes.end();
  return any && std::ranges::any_of(whole(Dtype::F64).operands, is_wide) ? Dtype::F64 : Dtype::F32;
}

uint16_t MergePrograms::conversion(Dtype dtype) {
  return add({.compute = dtype == Dtype::F64 ? Dtype::F64 : Dtype::F32, .result = 0, .code = {{.op = Op::load}}});
}

const MergeProgram& MergePrograms::whole(Dtype compute) {
  Traced& traced = current(compute);
  if (traced.whole) return *traced.whole;
  const std::vector<uint32_t> adapters = adapter_operands();
  GraphTracing::Of of{
      .terms = terms(), .numbers = *of_name_, .compute = compute, .only_first = false, .adapters = adapters};
  const GraphTracing whole(graph_, of);
  MergeProgram out;
  if (const auto operand = bare_operand(whole.result())) {
    out.operands = {static_cast<uint32_t>(*operand)};
    return traced.whole.emplace(std::move(out));
  }
  Program program = compiled(graph_, whole.result());
  number_operands(program, out.operands);
  uint16_t statistics = Plan::kNoStatistics;
  if (!whole.nodes().empty()) {
    of.only_first = true;
    const GraphTracing tail(graph_, of);
    statistics = add(statistic_set(needed_nodes(graph_, program, whole, tail), whole.slot_count(), out.operands));
  }
  const ProgramChange change = add_change(whole, statistics, out.operands);
  out.program = add(std::move(program), statistics, change);
  return traced.whole.emplace(std::move(out));
}

// The same operands in the same registers of slots; nothing where there is no base.
ProgramChange MergePrograms::add_change(const GraphTracing& whole, uint16_t statistics, std::vector<uint32_t>& used) {
  if (!whole.change() || whole.change()->base.node->kind == SymbolNode::Kind::zero) return {};
  Program base = compiled(graph_, whole.change()->base), added = compiled(graph_, whole.change()->added);
  number_operands(base, used);
  number_operands(added, used);
  const uint16_t first = add(std::move(base), statistics);
  return {.base = first, .added = add(std::move(added))};
}

const MergeProgram& MergePrograms::tail(Dtype compute) {
  Traced& traced = current(compute);
  if (traced.tail) return *traced.tail;
  const std::vector<uint32_t> adapters = adapter_operands();
  const GraphTracing tail(
      graph_, {.terms = terms(), .numbers = *of_name_, .compute = compute, .only_first = true, .adapters = adapters});
  MergeProgram out;
  if (const auto operand = bare_operand(tail.result())) {
    out.operands = {static_cast<uint32_t>(*operand)};
    return traced.tail.emplace(std::move(out));
  }
  Program program = compiled(graph_, tail.result());
  number_operands(program, out.operands);
  out.program = add(std::move(program));
  return traced.tail.emplace(std::move(out));
}

uint16_t MergePrograms::add(Program program, uint16_t statistics, const ProgramChange& change) {
  uint64_t hash = hash_of(program);
  mix(hash, statistics);
  const auto [begin, end] = known_programs_.equal_range(hash);
  for (auto known = begin; known != end; ++known)
    if (program_statistics_[known->second] == statistics && changes_[known->second] == change &&
        programs_[known->second] == program)
      return known->second;
  programs_.push_back(std::move(program));
  program_statistics_.push_back(statistics);
  changes_.push_back(change);
  if (programs_.size() >= Step::kCount)
    throw Error(ErrorCode::usage, subject(graph_),
                "the numbers of the merge differ for more than 65533 tensors; give fewer rules");
  const auto index = static_cast<uint16_t>(programs_.size() - 1);
  known_programs_.emplace(hash, index);
  return index;
}

uint16_t MergePrograms::add(StatisticSet set) {
  if (set.coefficients.empty()) return Plan::kNoStatistics;
  const uint64_t hash = hash_of(set);
  const auto [begin, end] = known_statistics_.equal_range(hash);
  for (auto known = begin; known != end; ++known)
    if (statistics_[known->second] == set) return known->second;
  const auto index = static_cast<uint16_t>(statistics_.size());
  statistics_.push_back(std::move(set));
  known_statistics_.emplace(hash, index);
  return index;
}

void MergePrograms::finish(Plan& plan) {
  plan.weighted = numbers_.held();
  plan.programs = std::move(programs_);
  plan.statistics = std::move(statistics_);
  plan.program_statistics = std::move(program_statistics_);
  plan.changes = std::move(changes_);
}

}  // namespace ckmerge
