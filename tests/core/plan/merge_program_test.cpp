// SPDX-License-Identifier: Apache-2.0
// Graphs become programs: what they compute, what of them is shared, what their slots hang on.
#include "core/plan/merge_program.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

namespace {

constexpr Dtype kF32[] = {Dtype::F32, Dtype::F32, Dtype::F32, Dtype::F32};

std::vector<Op> ops(const Program& program) {
  std::vector<Op> result;
  for (const Instruction& i : program.code) result.push_back(i.op);
  return result;
}

// x0 - (x1 - (x2 - ...)): every operand waits for the last. What comes out is a checkpoint or a delta in turn; to a
// delta the first is added.
MergeGraph nested(uint32_t inputs) {
  MergeGraph graph;
  TermId inner = graph.input(inputs - 1);
  for (uint32_t k = inputs - 1; k-- > 0;) inner = graph.subtract(graph.input(k), inner);
  graph.set_result(graph[inner].type == TermType::checkpoint ? inner : graph.add(graph.input(0), inner));
  return graph;
}

struct Planned {
  Plan plan;
  MergeProgram merge, tail;
};

Planned planned(const MergeGraph& graph, std::string_view name = "w") {
  MergePrograms programs(graph);
  programs.take_name(name);
  Planned result{{}, programs.for_dtypes(kF32), programs.tail_for_dtypes(kF32)};
  programs.finish(result.plan);
  return result;
}

}  // namespace

TEST_CASE("checkpoints that all wait for each other are one program, however many") {
  CHECK(failure([] { MergePrograms{nested(16)}; }).code == ErrorCode{});
  CHECK(failure([] { MergePrograms{nested(2000)}; }).code == ErrorCode{});
  CHECK(failure([] { MergePrograms{nested(kMaxRegisters - 1)}; }).code == ErrorCode{});
  const auto fault = failure([] { MergePrograms{nested(kMaxRegisters + 1)}; });
  CHECK(fault.code == ErrorCode::usage);
  CHECK(fault.text == "the formula needs more than the 16384 registers there are for 16385 checkpoints; give it fewer");
}

TEST_CASE("A + 0.7 * (B - C) is add_difference, instruction by instruction") {
  MergeGraph graph;
  const TermId difference = graph.subtract(graph.input(1), graph.input(2));
  graph.set_result(graph.add(graph.input(0), graph.scale(graph.number(0.7), difference)));
  const MergeGraph method = merge_graph({.method = "add_difference", .parameters = {{"alpha", {0.7}}}}, 3);
  const Planned one = planned(graph), other = planned(method);
  CHECK(one.plan.programs == other.plan.programs);
  CHECK(one.merge.operands == std::vector<uint32_t>{0, 1, 2});
  CHECK(one.merge.program == other.merge.program);
  CHECK(one.plan.statistics.empty());
}

TEST_CASE("equal terms are one term, and are computed once") {
  MergeGraph graph;
  CHECK(graph.input(1) == graph.input(1));
  const TermId delta = graph.subtract(graph.input(1), graph.input(0));
  CHECK(graph.subtract(graph.input(1), graph.input(0)) == delta);
  graph.set_result(graph.add(graph.add(graph.input(2), delta), delta));
  const Planned result = planned(graph);
  CHECK(std::ranges::count(ops(result.plan.programs[*result.merge.program]), Op::subtract) == 1);
  CHECK(result.merge.operands.size() == 3);
}

TEST_CASE("A + (slerp(B, C) - A) reduces B and C, and fills the slots of that node alone") {
  MergeGraph graph;
  const TermId arc = graph.method("slerp", {graph.input(1), graph.input(2)}, {{"t", {graph.number(0.25)}}});
  const TermId other = graph.method("slerp", {graph.input(1), graph.input(2)}, {{"t", {graph.number(0.5)}}});
  const TermId first = graph.scale(graph.number(0.5), graph.subtract(arc, graph.input(0)));
  graph.set_result(graph.add(graph.add(graph.input(0), first), graph.subtract(other, arc)));
  const Planned result = planned(graph);
  REQUIRE(result.plan.statistics.size() == 1);
  const StatisticSet& set = result.plan.statistics[0];
  CHECK(set.slot_count == 4);
  REQUIRE(set.coefficients.size() == 2);
  CHECK(set.coefficients[0].given == std::vector{0.75, 0.25});
  CHECK(set.coefficients[1].given == std::vector{0.5, 0.5});
  CHECK(set.coefficients[1].first_slot == 2);
  CHECK(set.coefficients[1].first_reduction == 3);
  REQUIRE(set.reductions.size() == 6);
  const auto checkpoint = [&](const Program& program) { return result.merge.operands[*program.loaded_operand()]; };
  CHECK(checkpoint(set.reductions[0].value) == 1);
  CHECK(checkpoint(set.reductions[1].value) == 2);
  CHECK(checkpoint(set.reductions[2].value) == 1);
  CHECK(checkpoint(*set.reductions[2].factor) == 2);
  CHECK_FALSE(set.reductions[0].tail_value);
  CHECK(result.plan.program_statistics[*result.merge.program] == 0);
}

TEST_CASE("a method whose weight is zero needs no statistics") {
  MergeGraph graph;
  const TermId arc = graph.method("slerp", {graph.input(1), graph.input(2)});
  graph.set_result(graph.add(graph.input(0), graph.scale(graph.number(0.0), graph.subtract(arc, graph.input(1)))));
  const Planned result = planned(graph);
  CHECK_FALSE(result.merge.program);
  CHECK(result.merge.operands == std::vector<uint32_t>{0});
  CHECK(result.plan.statistics.empty());
}

TEST_CASE("numbers by name give each name its program, and equal numbers the same one") {
  MergeGraph graph;
  const TermId ratio = graph.number({.value = 0.5, .rules = {{"attn", 0.25}, {"attn.*bias", 0}}});
  graph.set_result(graph.method("weighted_sum", {graph.input(0), graph.input(1)}, {{"alpha", {ratio}}}));
  MergePrograms programs(graph);
  const auto of = [&](const char* name) {
    programs.take_name(name);
    return programs.for_dtypes(kF32);
  };
  const MergeProgram mlp = of("mlp.weight"), attn = of("attn.weight"), bias = of("attn.q.bias");
  CHECK(mlp.program != attn.program);
  CHECK(of("other").program == mlp.program);
  CHECK_FALSE(bias.program);  // a copy of A
  CHECK(bias.operands == std::vector<uint32_t>{0});
  programs.expect_matched();
  Plan plan;
  programs.finish(plan);
  CHECK(plan.programs[*attn.program].code.back().k1 == 0.25);
}

TEST_CASE("a rule that matches no name is an error") {
  MergeGraph graph;
  const TermId ratio = graph.number({.value = 0.5, .rules = {{"atn", 0.25}}});
  graph.set_result(graph.method("weighted_sum", {graph.input(0), graph.input(1)}, {{"alpha", {ratio}}}));
  MergePrograms programs(graph);
  programs.take_name("attn");
  const auto fault = failure([&] { programs.expect_matched(); });
  CHECK(fault.code == ErrorCode::usage);
  CHECK(fault.text == "the pattern 'atn' matches the name of no tensor that is merged");
}

TEST_CASE("a statistic of what another statistic makes is of the next level") {
  MergeGraph graph;
  const TermId inner = graph.method("slerp", {graph.input(0), graph.input(1)});
  const TermId unused = graph.method("slerp", {graph.input(1), graph.input(2)});
  const TermId outer = graph.method("slerp", {inner, graph.input(2)});
  graph.set_result(graph.add(outer, graph.scale(graph.number(0.0), graph.subtract(unused, outer))));
  const Planned result = planned(graph);
  REQUIRE(result.plan.statistics.size() == 1);
  const StatisticSet& set = result.plan.statistics[0];
  CHECK(set.levels() == 2);
  REQUIRE(set.coefficients.size() == 2);
  CHECK(set.coefficients[1].level == 1);
  CHECK(set.coefficients[1].first_reduction == 3);
  REQUIRE(set.reductions.size() == 6);
  for (size_t r = 0; r < 6; ++r) CHECK(set.reductions[r].level == (r < 3 ? 0 : 1));
  CHECK_FALSE(set.reductions[2].value.has_slots());
  CHECK(set.reductions[3].value.has_slots());
}
