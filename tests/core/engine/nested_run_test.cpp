// SPDX-License-Identifier: Apache-2.0
// Formulas in which statistics hang on statistics, and formulas that keep thousands of values: byte for byte what their
// steps give one by one where nothing is rounded in between, and the same however the work is cut.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Recipe formula(const std::string& text, size_t inputs) {
  Recipe recipe{.method = kFormulaMethod, .formula = Formula{.text = text}, .metadata = MetadataPolicy::none};
  for (size_t k = 0; k < inputs; ++k) recipe.formula->names.emplace_back(1, static_cast<char>('A' + k));
  return recipe;
}

std::string merged(const Recipe& recipe, const std::vector<std::string>& paths, const std::string& out) {
  merge(recipe, paths, out, {.replace = true, .sync = false});
  return read_file(out);
}

// Of some more than a block of a reduction, so that tiles cut it.
std::vector<std::string> vectors(const TempFolder& folder, size_t count, Dtype dtype = Dtype::F32) {
  std::vector<std::string> paths;
  for (size_t k = 0; k < count; ++k)
    paths.push_back(write_file(
        folder / std::string(1, static_cast<char>('a' + k)),
        {random("v", dtype, {70'001}, k + 1), random("w", dtype, {400}, k + 9), random("x", dtype, {1}, k + 20)}));
  return paths;
}

}  // namespace

TEST_CASE("a slerp of slerps is what its steps give in F32") {
  TempFolder folder;
  const auto paths = vectors(folder, 4);
  const Recipe slerp{.method = "slerp", .parameters = {{"t", {0.3}}}, .metadata = MetadataPolicy::none};
  merged(slerp, {paths[1], paths[2]}, folder / "inner");
  merged(slerp, {paths[0], folder / "inner"}, folder / "outer");
  const std::string steps = merged(slerp, {folder / "outer", paths[3]}, folder / "last");
  CHECK(merged(formula("slerp(A, slerp(B, C, t=0.3), t=0.3)", 3), {paths[0], paths[1], paths[2]}, folder / "out") ==
        read_file(folder / "outer"));
  CHECK(merged(formula("slerp(slerp(A, slerp(B, C, t=0.3), t=0.3), D, t=0.3)", 4), paths, folder / "out") == steps);
}

TEST_CASE("however nested statistics are cut, the bytes are the same") {
  TempFolder folder;
  const auto paths = vectors(folder, 3, Dtype::BF16);
  const Recipe recipe = formula("slerp(slerp(A, B, t=0.2), slerp(B, slerp(A, C), t=0.6)) + 0.5*(slerp(A, C) - B)", 3);
  merge_every_way(recipe, paths, folder);
}

TEST_CASE("a formula of two thousand operands that all wait is computed as its steps") {
  TempFolder folder;
  const auto paths = vectors(folder, 3);
  // A + (x1 - (x2 - (x3 - ...))): every operand waits for those behind it.
  constexpr uint32_t kOperands = 1999;
  MergeGraph graph;
  const TermId delta = graph.subtract(graph.input(1), graph.input(2));
  std::vector<TermId> all;
  for (uint32_t k = 0; k < kOperands; ++k)
    all.push_back(graph.method("max", {graph.scale(graph.number(1 + k / 4096.0), delta), delta}));
  TermId inner = all.back();
  for (uint32_t k = kOperands - 1; k-- > 0;) inner = graph.subtract(all[k], inner);
  graph.set_result(graph.add(graph.input(0), inner));
  const auto checkpoints = open_all(paths);
  const Recipe recipe{.metadata = MetadataPolicy::none};
  const Plan plan = make_plan(recipe, graph, checkpoints);
  CHECK(plan.registers() > 1900);
  const std::string out = folder / "out";
  run(plan, checkpoints, out, {.sync = false, .threads = 2});
  const auto values = [](const std::string& path) { return f32_values(path, "v"); };
  const std::vector<float> a = values(paths[0]), b = values(paths[1]), c = values(paths[2]), made = values(out);
  size_t wrong = 0;
  for (size_t i = 0; i < a.size(); i += 97) {
    const float d = b[i] - c[i];
    float expected = 0;
    for (uint32_t k = kOperands; k-- > 0;) {
      const float value = std::max(static_cast<float>(1 + k / 4096.0) * d, d);
      expected = k + 1 == kOperands ? value : value - expected;
    }
    wrong += made[i] != a[i] + expected;
  }
  CHECK(wrong == 0);
}
