// SPDX-License-Identifier: Apache-2.0
// Graphs of more than one node, run: what is computed before it is reduced, numbers by name, many registers. Against
// plain loops over whole tensors.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "core/recipe/merge_graph.h"
#include "tests/core/merge_runs.h"
#include "tests/core/reference.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

constexpr uint64_t kRows = 3, kChannels = 9, kShared = 4, kPlane = 30011;

Recipe without_metadata(ExpandPolicy expand = ExpandPolicy::copy) {
  Recipe recipe;
  recipe.metadata = MetadataPolicy::none;
  recipe.expand = expand;
  return recipe;
}

// The file that `graph` gives, however it is computed.
std::string run_every_way(const MergeGraph& graph, const Recipe& recipe, const std::vector<std::string>& paths,
                          const TempFolder& folder) {
  const auto checkpoints = open_all(paths);
  const Plan plan = make_plan(recipe, graph, checkpoints);
  run(plan, checkpoints, folder / "reference", {.replace = true, .sync = false});
  const std::string expected = read_file(folder / "reference");
  for (const BlockKernels* kernels : available_kernels())
    for (const uint64_t tile_size : {4096u, 1u << 20}) {
      run(plan, checkpoints, folder / "out",
          {.replace = true, .sync = false, .threads = 3, .tile_size = tile_size, .kernels = kernels});
      CHECK(read_file(folder / "out") == expected);
    }
  return folder / "reference";
}

std::vector<float> values(const std::string& path) { return f32_values(path, "w"); }

// Base + the arc between two deltas, which are computed before their norms are.
MergeGraph arc_of_deltas(double t) {
  MergeGraph graph;
  const TermId base = graph.input(0);
  const TermId a = graph.subtract(graph.input(1), base), b = graph.subtract(graph.input(2), base);
  graph.set_result(graph.add(base, graph.method("slerp", {a, b}, {{"t", {graph.number(t)}}})));
  return graph;
}

std::vector<float> arc_of_deltas(const std::vector<float>& base, const std::vector<float>& a,
                                 const std::vector<float>& b, double t, const std::function<bool(size_t)>& counts) {
  std::vector<float> x(base.size()), y(base.size());
  std::vector<double> reduced_x, reduced_y;
  for (size_t i = 0; i < base.size(); ++i) {
    x[i] = a[i] - base[i];
    y[i] = b[i] - base[i];
    if (!counts(i)) continue;
    reduced_x.push_back(x[i]);
    reduced_y.push_back(y[i]);
  }
  const std::vector<double> sums = {sum_of_products(reduced_x, reduced_x), sum_of_products(reduced_y, reduced_y),
                                    sum_of_products(reduced_x, reduced_y)};
  std::vector<double> k(2);
  find_method("slerp")->tensor_coefficients(std::vector{1 - t, t}, {.numbers = sums}, k);
  std::vector<float> result(base.size());
  for (size_t i = 0; i < base.size(); ++i) {
    const float p = static_cast<float>(k[0]) * x[i], q = static_cast<float>(k[1]) * y[i], sum = p + q;
    result[i] = base[i] + sum;
  }
  return result;
}

// The channels of a narrow tensor where a wide one has them, zeros in the others.
std::vector<float> widened(const std::vector<float>& narrow) {
  std::vector<float> wide(kRows * kChannels * kPlane);
  for (uint64_t row = 0; row < kRows; ++row)
    std::copy_n(narrow.begin() + static_cast<ptrdiff_t>(row * kShared * kPlane), kShared * kPlane,
                wide.begin() + static_cast<ptrdiff_t>(row * kChannels * kPlane));
  return wide;
}

}  // namespace

TEST_CASE("deltas are computed before they are reduced, over several blocks") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 3; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {random("w", Dtype::F32, {5, 70001}, k + 1)}, k));
  const std::string out = run_every_way(arc_of_deltas(0.3), without_metadata(), paths, folder);
  const auto every = [](size_t) { return true; };
  CHECK(values(out) == arc_of_deltas(values(paths[0]), values(paths[1]), values(paths[2]), 0.3, every));
}

TEST_CASE("computed values are reduced over heads alone, or over tails too where the others count as zero") {
  TempFolder folder;
  const std::vector<std::string> paths = {
      write_file(folder / "base", {random("w", Dtype::F32, {kRows, kChannels, kPlane}, 1)}),
      write_file(folder / "A", {random("w", Dtype::F32, {kRows, kShared, kPlane}, 2)}, 1),
      write_file(folder / "B", {random("w", Dtype::F32, {kRows, kShared, kPlane}, 3)}, 2)};
  const auto base = values(paths[0]), a = widened(values(paths[1])), b = widened(values(paths[2]));
  const auto in_head = [](size_t i) { return i % (kChannels * kPlane) < kShared * kPlane; };

  const std::string zero = run_every_way(arc_of_deltas(0.7), without_metadata(ExpandPolicy::zero), paths, folder);
  CHECK(values(zero) == arc_of_deltas(base, a, b, 0.7, [](size_t) { return true; }));

  const std::string copied = run_every_way(arc_of_deltas(0.7), without_metadata(), paths, folder);
  std::vector<float> expected = arc_of_deltas(base, a, b, 0.7, in_head);
  for (size_t i = 0; i < base.size(); ++i)
    if (!in_head(i)) expected[i] = base[i];
  CHECK(values(copied) == expected);
}

TEST_CASE("a number by name merges each tensor with its own, slerp's included") {
  TempFolder folder;
  const auto file = [&](const char* name, uint64_t seed) {
    return write_file(folder / name,
                      {random("attn.w", Dtype::F32, {70000}, seed), random("mlp.w", Dtype::F32, {70000}, seed + 1)});
  };
  const std::vector<std::string> paths = {file("A", 1), file("B", 10)};
  const auto merged_with = [&](NumberByName t) {
    MergeGraph graph;
    graph.set_result(graph.method("slerp", {graph.input(0), graph.input(1)}, {{"t", {graph.number(std::move(t))}}}));
    return run_every_way(graph, without_metadata(), paths, folder);
  };
  const auto tensor = [&](NumberByName t, const char* name) { return f32_values(merged_with(std::move(t)), name); };
  const auto quarter = tensor({.value = 0.25}, "attn.w"), half = tensor({.value = 0.5}, "mlp.w");
  const NumberByName by_name{.value = 0.5, .rules = {{"^attn", 0.25}}};
  CHECK(tensor(by_name, "attn.w") == quarter);
  CHECK(tensor(by_name, "mlp.w") == half);
}

TEST_CASE("sixteen checkpoints that wait for each other") {
  constexpr uint32_t kInputs = 16;
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint32_t k = 0; k < kInputs; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {random("w", Dtype::F32, {10007}, k + 1)}));
  // x0 - (x1 - (x2 - ... - x15)): the innermost is a delta, then checkpoints and deltas alternate.
  MergeGraph graph;
  TermId inner = graph.input(kInputs - 1);
  std::vector<float> expected = values(paths[kInputs - 1]);
  for (uint32_t k = kInputs - 1; k-- > 0;) {
    inner = graph.subtract(graph.input(k), inner);
    const std::vector<float> outer = values(paths[k]);
    for (size_t i = 0; i < expected.size(); ++i) expected[i] = outer[i] - expected[i];
  }
  // Sixteen inputs leave a delta, to which the first is added.
  graph.set_result(graph.add(graph.input(0), inner));
  const std::vector<float> first = values(paths[0]);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = first[i] + expected[i];
  CHECK(values(run_every_way(graph, without_metadata(), paths, folder)) == expected);
}

TEST_CASE("a graph that takes more checkpoints than there are is refused, and so is metadata that cannot tell of it") {
  TempFolder folder;
  const auto checkpoints = open_all({write_file(folder / "A", {random("w", Dtype::F32, {5}, 1)})});
  CHECK_THROWS_WITH(make_plan(without_metadata(), arc_of_deltas(0.5), checkpoints),
                    "the formula takes more checkpoints than the 1 that were given");
  MergeGraph copy;
  copy.set_result(copy.input(0));
  CHECK_THROWS_WITH(make_plan({}, copy, checkpoints), "no text can record a graph yet; plan it without metadata");
}
