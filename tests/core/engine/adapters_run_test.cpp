// SPDX-License-Identifier: Apache-2.0
// What adapters add to a merge: after it, in their order, with one rounding at the end, where they have something, and
// nowhere else. A test's adapters are files of differences, which a plan cannot tell from those that are made.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/core/merge_runs.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

constexpr uint64_t kCount = 40 * 33;

std::vector<float> numbers(uint64_t seed, uint64_t count = kCount) {
  std::vector<float> values;
  for (uint64_t i = 0; i < count; ++i) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    values.push_back(static_cast<float>(static_cast<int32_t>(seed >> 33) % 2000) / 977.0F);
  }
  return values;
}

FileTensor matrix(const std::string& name, uint64_t seed) { return f32(name, {40, 33}, numbers(seed)); }

Recipe with_adapters(Recipe recipe, size_t count) {
  recipe.adapters.resize(count);
  return recipe;
}

struct Files {
  TempFolder folder;
  std::vector<std::string> paths;

  void add(const std::vector<FileTensor>& tensors) {
    paths.push_back(write_file(folder / ("f" + std::to_string(paths.size()) + ".safetensors"), tensors));
  }
  std::vector<float> merged(const Recipe& recipe, const std::string& name) {
    const std::string target = folder / "out.safetensors";
    merge(recipe, paths, target, {.replace = true, .sync = false});
    return f32_values(target, name);
  }
};

std::vector<float> sum(const std::vector<std::vector<float>>& terms) {
  std::vector<float> out = terms[0];
  for (size_t t = 1; t < terms.size(); ++t)
    for (size_t i = 0; i < out.size(); ++i) out[i] = out[i] + terms[t][i];
  return out;
}

}  // namespace

TEST_CASE("adapters are added in their order, to tensors that they have") {
  Files files;
  files.add({matrix("x", 1), matrix("y", 2), matrix("z", 3)});
  files.add({matrix("x", 4)});
  files.add({matrix("x", 5), matrix("y", 6)});
  const Recipe recipe = with_adapters(copied(), 2);
  CHECK(files.merged(recipe, "x") == sum({numbers(1), numbers(4), numbers(5)}));
  CHECK(files.merged(recipe, "y") == sum({numbers(2), numbers(6)}));
  CHECK(files.merged(recipe, "z") == numbers(3));
  const Plan plan = make_plan(recipe, open_all(files.paths));
  CHECK(plan.count(Action::adapt) == 2);
  CHECK(plan.count(Action::copy) == 1);
  CHECK(plan.adapted == std::vector<uint64_t>{1, 2});
  CHECK(plan.unadapted.empty());
}

TEST_CASE("the bytes of a merge with adapters are the same on every ISA, with any threads, tiles and budget") {
  Files files;
  files.add({random("x", Dtype::F16, {71, 401}, 1), random("y", Dtype::BF16, {40, 33}, 2), matrix("z", 3)});
  files.add({random("x", Dtype::BF16, {71, 401}, 4), random("y", Dtype::BF16, {40, 33}, 5), matrix("z", 6)});
  files.add({random("x", Dtype::F32, {71, 401}, 7), random("y", Dtype::F32, {40, 33}, 8)});
  files.add({random("x", Dtype::F32, {71, 401}, 9)});
  merge_every_way(with_adapters(weighted(0.3), 2), files.paths, files.folder);
}

TEST_CASE("elements that the merged checkpoints agree on are kept before anything is added") {
  const std::vector<float> x = numbers(1);
  const auto check = [&](const Recipe& recipe, size_t inputs) {
    Files files;
    for (size_t k = 0; k < inputs; ++k) files.add({matrix("x", 1)});
    files.add({matrix("x", 2)});
    CHECK(files.merged(with_adapters(recipe, 1), "x") == sum({x, numbers(2)}));
  };
  check(weighted(0.3), 2);
  check({.method = "add_difference", .parameters = {{"alpha", {0.7}}}}, 3);
  check({.method = "linear", .parameters = {{"weights", {0.4, -0.1, 0.3, 0.4}}, {"normalize", {0}}}}, 4);
  check({.method = "slerp", .parameters = {{"t", {0.3}}}}, 2);
}

TEST_CASE("what coefficients of a tensor do not add up to is not kept") {
  Files files;
  files.add({matrix("x", 1)});
  files.add({matrix("x", 2)});
  files.add({matrix("x", 3)});
  Files without;
  without.add({matrix("x", 1)});
  without.add({matrix("x", 2)});
  const Recipe slerp{.method = "slerp", .parameters = {{"t", {0.3}}}};
  CHECK(files.merged(with_adapters(slerp, 1), "x") == sum({without.merged(slerp, "x"), numbers(3)}));
}

TEST_CASE("many adapters are added one after another") {
  Files files;
  std::vector<std::vector<float>> terms{numbers(1)};
  files.add({matrix("x", 1)});
  for (uint64_t k = 0; k < 12; ++k) {
    files.add({matrix("x", 20 + k)});
    terms.push_back(numbers(20 + k));
  }
  const Recipe recipe = with_adapters(copied(), 12);
  CHECK(make_plan(recipe, open_all(files.paths)).accumulates);
  CHECK(files.merged(recipe, "x") == sum(terms));
}

TEST_CASE("a merge of many of which equal elements are kept is not accumulated with adapters") {
  Files files, without;
  for (uint64_t k = 0; k < 10; ++k) {
    files.add({matrix("x", k + 1)});
    without.add({matrix("x", k + 1)});
  }
  files.add({matrix("x", 40)});
  const Recipe linear{.method = "linear"};
  CHECK(files.merged(with_adapters(linear, 1), "x") == sum({without.merged(linear, "x"), numbers(40)}));
}

TEST_CASE("policies of missing names do not count adapters, which change what is kept") {
  Files files;
  files.add({matrix("only", 1), matrix("x", 2)});
  files.add({matrix("x", 3)});
  files.add({matrix("only", 4)});
  Recipe recipe = with_adapters(weighted(0.5), 1);
  CHECK(files.merged(recipe, "only") == sum({numbers(1), numbers(4)}));
  const Plan plan = make_plan(recipe, open_all(files.paths));
  CHECK(plan.kept.size() == 1);
  CHECK(plan.dropped.empty());
  recipe.missing = MissingPolicy::zero;
  CHECK(files.merged(recipe, "only") == std::vector<float>(kCount, 0.0F));
  CHECK(make_plan(recipe, open_all(files.paths)).unadapted.size() == 1);
  recipe.missing = MissingPolicy::keep;
  recipe.exclude = {"only"};
  CHECK(files.merged(recipe, "only") == numbers(1));
  const Plan outside = make_plan(recipe, open_all(files.paths));
  CHECK(outside.unadapted.size() == 1);
  CHECK(std::ranges::any_of(outside.warnings,
                            [](const std::string& text) { return text.find("only") != std::string::npos; }));
}

TEST_CASE("channels that only the first has are not changed") {
  const auto conv = [](const std::string& name, uint64_t channels, std::vector<float> values) {
    return f32(name, {5, channels, 1, 1}, std::move(values));
  };
  const std::vector<float> wide = numbers(1, 45), narrow = numbers(2, 20);
  std::vector<float> change = numbers(3, 45), expected = wide;
  for (size_t i = 0; i < 45; ++i) {
    if (i % 9 >= 4)
      change[i] = 0;
    else
      expected[i] = (0.5F * wide[i] + 0.5F * narrow[i / 9 * 4 + i % 9]) + change[i];
  }
  Files files;
  files.add({conv("input_blocks.0.0.weight", 9, wide)});
  files.add({conv("input_blocks.0.0.weight", 4, narrow)});
  files.add({conv("input_blocks.0.0.weight", 9, change)});
  CHECK(files.merged(with_adapters(weighted(0.5), 1), "input_blocks.0.0.weight") == expected);
  Files baked;
  baked.add({conv("input_blocks.0.0.weight", 9, wide)});
  baked.add({conv("input_blocks.0.0.weight", 9, change)});
  CHECK(baked.merged(with_adapters(copied(), 1), "input_blocks.0.0.weight") == sum({wide, change}));
}

TEST_CASE("a tensor that an adapter has whole takes the place of what is merged, and others add to it") {
  Opened opened;
  opened.add({matrix("x", 1), matrix("y", 2)});
  opened.add({matrix("x", 3), matrix("y", 4)});
  opened.add({matrix("x", 5)});
  opened.add({matrix("x", 6)});
  opened.checkpoints[2].replacing = {0};
  const Recipe recipe = with_adapters(test::weighted(0.5), 2);
  const Plan plan = opened.plan(recipe);
  run(plan, opened.checkpoints, opened.folder / "out.safetensors", {.sync = false});
  CHECK(f32_values(opened.folder / "out.safetensors", "x") == sum({numbers(5), numbers(6)}));
  CHECK(plan.adapted == std::vector<uint64_t>{1, 1});
  opened.checkpoints[3].replacing = {0};
  CHECK(opened.fault(recipe).text.find("only one of both") != std::string::npos);
}

TEST_CASE("an adapter of another shape, or of integers, is refused") {
  Files files;
  files.add({matrix("x", 1)});
  files.add({f32("x", {33, 40}, numbers(2))});
  CHECK_THROWS(make_plan(with_adapters(copied(), 1), open_all(files.paths)));
  Files integers;
  integers.add({bits("x", Dtype::I32, {2}, {1, 2})});
  integers.add({f32("x", {2}, {1, 2})});
  CHECK_THROWS(make_plan(with_adapters(copied(), 1), open_all(integers.paths)));
}

TEST_CASE("a formula says where an adapter is added, and with which factor") {
  Files files;
  files.add({matrix("x", 1)});
  files.add({matrix("x", 2)});
  files.add({matrix("x", 3)});
  Recipe recipe = with_adapters({}, 1);
  recipe.method = kFormulaMethod;
  recipe.formula = Formula{.text = "A + 0.5*lora(L) + 0.25*(B - A)", .names = {"A", "B", "L"}};
  std::vector<float> expected;
  for (size_t i = 0; i < kCount; ++i) {
    const float merged = numbers(1)[i] + 0.25F * (numbers(2)[i] - numbers(1)[i]);
    expected.push_back(merged + 0.5F * numbers(3)[i]);
    if (i == 40) break;  // the rest is alike
  }
  std::vector<float> found = files.merged(recipe, "x");
  found.resize(expected.size());
  CHECK(found == expected);
  recipe.formula->names = {"A", "L", "B"};
  CHECK_THROWS(make_plan(recipe, open_all(files.paths)));
}
