// SPDX-License-Identifier: Apache-2.0
#include "core/plan/merge_program.h"

#include <algorithm>
#include <utility>

#include "core/plan/graph_tracing.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/formula.h"

namespace ckmerge {
namespace {

// What is at fault where a graph needs too much: its one method, or all of it.
std::string subject(const MergeGraph& graph) {
  const Term& result = graph[graph.result()];
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
  const auto in_node = [&](uint8_t slot) {
    return slot >= node.first_slot && slot < node.first_slot + node.given.size() && slot != Instruction::kNoSlot;
  };
  return std::ranges::any_of(program.code, [&](const Instruction& i) { return in_node(i.slot0) || in_node(i.slot1); });
}

// A statistic of values that hang on another's would need a second round over the inputs.
Program reduced(const MergeGraph& graph, Symbol symbol) {
  Program program = compiled(graph, symbol);
  if (program.has_slots())
    throw Error(ErrorCode::usage, "formula",
                "a method that needs statistics takes the result of another that does; merge that one by itself first");
  return program;
}

std::optional<Program> tail_program(const MergeGraph& graph, Symbol symbol, std::vector<uint32_t>& used) {
  if (symbol.node->kind == SymbolNode::Kind::zero) return std::nullopt;
  Program program = compiled(graph, symbol);
  number_operands(program, used);
  return program;
}

// What fills the slots of `program`. The tails' nodes are those of the whole, in the same order, because what is
// traced depends on numbers alone.
StatisticSet statistic_set(const MergeGraph& graph, const Program& program, const GraphTracing& whole,
                           const GraphTracing& tail, std::vector<uint32_t>& used) {
  StatisticSet set{.reductions = {}, .coefficients = {}, .slot_count = whole.slot_count()};
  for (size_t n = 0; n < whole.nodes().size(); ++n) {
    const GraphTracing::Node& node = whole.nodes()[n];
    if (!fills_any(program, node)) continue;
    set.coefficients.push_back({.method = node.method,
                                .given = node.given,
                                .first_reduction = static_cast<uint16_t>(set.reductions.size()),
                                .first_slot = node.first_slot});
    for (size_t r = 0; r < node.reductions.size(); ++r) {
      const ReductionSpec& spec = node.method->reductions[r];
      const auto& [value, factor] = node.reductions[r];
      const auto& [tail_value, tail_factor] = tail.nodes()[n].reductions[r];
      Reduction reduction{.value = reduced(graph, value), .how = spec.how, .over = spec.over, .round = spec.round};
      number_operands(reduction.value, used);
      if (factor) number_operands(reduction.factor.emplace(reduced(graph, *factor)), used);
      reduction.tail_value = tail_program(graph, tail_value, used);
      if (tail_factor) reduction.tail_factor = tail_program(graph, *tail_factor, used);
      set.reductions.push_back(std::move(reduction));
    }
  }
  return set;
}

}  // namespace

MergePrograms::MergePrograms(const MergeGraph& graph) : graph_(graph), numbers_(graph) {
  if (!graph.depends_on_names()) current_ = &of_numbers(numbers_.of(""));
}

void MergePrograms::take_name(std::string_view name) {
  if (graph_.depends_on_names()) try {
      current_ = &of_numbers(numbers_.of(name));
    } catch (const Error& error) {
      throw Error(error.code(), error.where(), sentence(error.what(), " (for ", name, ")"));
    }
}

const MergePrograms::ByCompute& MergePrograms::of_numbers(const std::vector<double>& numbers) {
  if (const auto known = known_.find(numbers); known != known_.end()) return known->second;
  ByCompute traced;
  traced.in_f32 = trace(numbers, Dtype::F32);
  traced.in_f64 = trace(numbers, Dtype::F64);
  return known_.emplace(numbers, std::move(traced)).first->second;
}

const MergePrograms::Pair& MergePrograms::of(std::span<const Dtype> dtypes) const {
  const bool wide =
      std::ranges::any_of(current_->in_f64.whole.operands, [&](uint32_t k) { return dtypes[k] == Dtype::F64; });
  return wide ? current_->in_f64 : current_->in_f32;
}

uint16_t MergePrograms::conversion(Dtype dtype) {
  return add({.compute = dtype == Dtype::F64 ? Dtype::F64 : Dtype::F32, .result = 0, .code = {{.op = Op::load}}});
}

MergePrograms::Pair MergePrograms::trace(std::span<const double> numbers, Dtype compute) {
  const GraphTracing whole(graph_, numbers, compute, false), tail(graph_, numbers, compute, true);
  Pair pair;
  if (const auto operand = bare_operand(whole.result())) {
    pair.whole.operands = {static_cast<uint32_t>(*operand)};
  } else {
    Program program = compiled(graph_, whole.result());
    number_operands(program, pair.whole.operands);
    StatisticSet set = statistic_set(graph_, program, whole, tail, pair.whole.operands);
    pair.whole.program = add(std::move(program), add(std::move(set)));
  }
  if (const auto operand = bare_operand(tail.result())) {
    pair.tail.operands = {static_cast<uint32_t>(*operand)};
  } else {
    Program program = compiled(graph_, tail.result());
    number_operands(program, pair.tail.operands);
    pair.tail.program = add(std::move(program));
  }
  return pair;
}

uint16_t MergePrograms::add(Program program, uint16_t statistics) {
  for (size_t i = 0; i < programs_.size(); ++i)
    if (program_statistics_[i] == statistics && programs_[i] == program) return static_cast<uint16_t>(i);
  programs_.push_back(std::move(program));
  program_statistics_.push_back(statistics);
  if (programs_.size() >= Step::kCount)
    throw Error(ErrorCode::usage, subject(graph_),
                "the numbers of the merge differ for more than 65533 tensors; give fewer rules");
  return static_cast<uint16_t>(programs_.size() - 1);
}

uint16_t MergePrograms::add(StatisticSet set) {
  if (set.coefficients.empty()) return Plan::kNoStatistics;
  const auto known = std::ranges::find(statistics_, set);
  const auto index = static_cast<uint16_t>(known - statistics_.begin());
  if (known == statistics_.end()) statistics_.push_back(std::move(set));
  return index;
}

void MergePrograms::finish(Plan& plan) {
  plan.weighted = numbers_.held();
  plan.programs = std::move(programs_);
  plan.statistics = std::move(statistics_);
  plan.program_statistics = std::move(program_statistics_);
}

}  // namespace ckmerge
