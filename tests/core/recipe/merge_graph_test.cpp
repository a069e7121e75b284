// SPDX-License-Identifier: Apache-2.0
// The types of terms: what may be added, subtracted and scaled, and what a merge may result in.
#include "core/recipe/merge_graph.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

namespace {

std::string refusal(const std::function<void()>& call) {
  const auto fault = failure(call);
  CHECK(fault.code == ErrorCode::usage);
  return fault.text;
}

}  // namespace

TEST_CASE("differences are deltas, and a checkpoint with a delta is a checkpoint") {
  MergeGraph graph;
  const TermId a = graph.input(0), b = graph.input(1), half = graph.number(0.5);
  const TermId delta = graph.subtract(a, b);
  CHECK(graph[delta].type == TermType::delta);
  CHECK(graph[graph.scale(half, delta)].type == TermType::delta);
  CHECK(graph[graph.add(delta, delta)].type == TermType::delta);
  CHECK(graph[graph.subtract(delta, delta)].type == TermType::delta);
  CHECK(graph[graph.add(a, delta)].type == TermType::checkpoint);
  CHECK(graph[graph.add(delta, a)].type == TermType::checkpoint);
  CHECK(graph[graph.subtract(a, delta)].type == TermType::checkpoint);
  CHECK(graph[graph.method("linear", {a, b})].type == TermType::checkpoint);
  CHECK(graph[graph.method("linear", {delta, delta})].type == TermType::delta);
}

TEST_CASE("what is neither is refused with its mend") {
  MergeGraph graph;
  const TermId a = graph.input(0), b = graph.input(1), half = graph.number(0.5), delta = graph.subtract(a, b);
  CHECK(refusal([&] { graph.add(a, b); }) ==
        "two checkpoints are added, which gives none; subtract a base from one, or average them with linear");
  CHECK(refusal([&] { graph.subtract(delta, a); }) ==
        "a checkpoint is subtracted from a delta, which gives neither; swap them");
  CHECK(refusal([&] { graph.scale(half, a); }) ==
        "a number times a checkpoint is neither checkpoint nor delta; multiply a delta by a number");
  CHECK(refusal([&] { graph.add(half, delta); }) == "a number is no checkpoint and no delta; multiply a delta by it");
  CHECK(refusal([&] {
          graph.method("linear", {a, delta});
        }) == "linear takes checkpoints or deltas, not both, and no number");
  CHECK(refusal([&] { graph.set_result(delta); }) == "the result is a delta, not a checkpoint; add it to one");
}

TEST_CASE("a sum of products is what the numbers of its checkpoints make it") {
  MergeGraph graph;
  const TermId a = graph.input(0), b = graph.input(1), delta = graph.subtract(a, b);
  const TermId third = graph.number(0.3), rest = graph.number(0.7), one = graph.number(1), less = graph.number(-1);
  CHECK(graph[graph.sum({third, rest}, {a, b})].type == TermType::checkpoint);
  CHECK(graph[graph.sum({third, rest, third}, {a, b, delta})].type == TermType::checkpoint);
  CHECK(graph.sum({one, less}, {a, b}) == delta);
  CHECK(graph[graph.sum({third}, {delta})].type == TermType::delta);
  CHECK(refusal([&] { graph.sum({third}, {a}); }) ==
        "the weights of the checkpoints add up to neither one, a checkpoint, nor zero, a delta");
  CHECK(refusal([&] {
          graph.sum({graph.number({.value = 1, .rules = {{"attn", 1}}})}, {a});
        }) == "the weight of a checkpoint must be the same for every tensor");
}

TEST_CASE("numbers: the last rule that matches a name holds") {
  MergeGraph graph;
  const TermId number = graph.number({.value = 1, .rules = {{"attn", 2}, {"bias$", 3}}});
  NumbersByName numbers(graph);
  CHECK(graph.depends_on_names());
  CHECK(numbers.of("mlp.weight")[number] == 1);
  CHECK(numbers.of("attn.weight")[number] == 2);
  CHECK(numbers.of("attn.bias")[number] == 3);
  CHECK(numbers.of("mlp.weight")[number] == 1);
}

TEST_CASE("numbers: those of other results count for nothing") {
  MergeGraph graph;
  const TermId zero = graph.number({.value = 0, .rules = {{"attn", 1}}, .name = "r"});
  const TermId ratio = graph.arithmetic(graph.number(1.0), '/', graph.number({.value = 2, .rules = {{"attn", 0}}}));
  const TermId delta = graph.subtract(graph.input(1), graph.input(0));
  const TermId one = graph.add(graph.input(0), graph.scale(zero, delta));
  const TermId other = graph.add(graph.input(0), graph.scale(ratio, delta));
  NumbersByName numbers(graph);
  CHECK(numbers.terms_of(one).named == std::vector{zero});
  CHECK(std::ranges::find(numbers.terms_of(one).all, ratio) == numbers.terms_of(one).all.end());
  CHECK(numbers.terms_of(other).computed == std::vector{ratio});
  CHECK(numbers.of("attn", one)[zero] == 1);
  const std::string fault = refusal([&] { numbers.of("attn", other); });
  CHECK(fault.find("the formula divides by zero") != std::string::npos);
}

TEST_CASE("a recipe's method is a graph of one node") {
  const MergeGraph graph = merge_graph({.method = "linear", .parameters = {{"weights", {1, 3, 1}}}}, 3);
  const Term& node = graph[graph.result()];
  CHECK(node.kind == Term::Kind::method);
  CHECK(node.operands.size() == 3);
  CHECK(node.parameters.at("weights")[0] == node.parameters.at("weights")[2]);
  CHECK_FALSE(graph.depends_on_names());
  CHECK(coefficients_of(node, NumbersByName(graph).of("")) == std::vector{0.2, 0.6, 0.2});
}

TEST_CASE("a number that is none is refused by the parameter that takes it") {
  CHECK(refusal([] {
          merge_graph({.parameters = {{"alpha", {std::nan("")}}}}, 2);
        }) == "alpha must be finite, not NaN or infinite");
}

TEST_CASE("what is given for a number is one, and a factor is finite") {
  MergeGraph graph;
  const TermId a = graph.input(0), b = graph.input(1);
  CHECK(refusal([&] {
          graph.method("weighted_sum", {a, b}, {{"alpha", {a}}});
        }) == "a checkpoint is given for alpha, which is a number");
  CHECK(refusal([&] { graph.scale(graph.number(std::nan("")), graph.subtract(a, b)); }) ==
        "a factor must be finite, not NaN or infinite");
}
