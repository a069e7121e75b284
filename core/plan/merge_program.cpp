// SPDX-License-Identifier: Apache-2.0
#include "core/plan/merge_program.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

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

MergePrograms::MergePrograms(const MergeGraph& graph, size_t first_adapter, size_t adapters,
                             WholeOperands whole_tensors, BesideOperands beside)
    : graph_(graph),
      first_adapter_(first_adapter),
      whole_(std::move(whole_tensors)),
      beside_(std::move(beside)),
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
  GraphTracing::Of of{.terms = terms(),
                      .numbers = *of_name_,
                      .compute = compute,
                      .only_first = false,
                      .adapters = adapters,
                      .whole = &whole_,
                      .beside = &beside_};
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
    statistics = add(statistic_set(graph_, program, {whole, tail}, out.operands));
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
  const GraphTracing tail(graph_, {.terms = terms(),
                                   .numbers = *of_name_,
                                   .compute = compute,
                                   .only_first = true,
                                   .adapters = adapters,
                                   .whole = &whole_,
                                   .beside = &beside_});
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
    throw Error(ErrorCode::usage, subject_of(graph_),
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
