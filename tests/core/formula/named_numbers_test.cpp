// SPDX-License-Identifier: Apache-2.0
// Numbers of formulas that have names: what is a checkpoint or a delta whatever they are, and what they come to by
// name.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/formula/recipe_graph.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Recipe with_numbers(const std::string& text, std::map<std::string, std::vector<double>> numbers) {
  Recipe recipe{.method = kFormulaMethod, .parameters = std::move(numbers), .formula = Formula{text, {"A", "B"}}};
  for (const auto& [name, values] : recipe.parameters)
    recipe.weights.push_back({.parameter = name, .selector = "L01", .values = {0.25}});
  return recipe;
}

void add_layers(Opened& opened) {
  const std::vector<FileTensor> tensors = {f32("layers.0.w", {1}, {1}), f32("layers.1.w", {1}, {1}),
                                           f32("layers.2.w", {1}, {1})};
  opened.add(tensors).add(tensors);
}

}  // namespace

TEST_CASE("a sum is a checkpoint or a delta if it is one whatever the numbers with weights are") {
  for (const char* text : {"(1 - r)*A + r*B", "r*A + B - r*B", "A + r*(B - A)", "A + (r*A - r*B)", "r*A/r + r*(B - A)",
                           "(2*A + r*B - r*A)/2 + (r*A - r*B)/2", "(r + 1)*A - B*r", "r*(A - B) + A"})
    CHECK_MESSAGE(failure([&] { check_recipe(with_numbers(text, {{"r", {0.5}}}), 2); }).text == "", text);
  for (const char* text : {"r*A + B/2", "r*A + r*B", "r*A - B/2 + A", "A + B*r", "r*A + (2 - r)*B"})
    CHECK_MESSAGE(failure([&] { check_recipe(with_numbers(text, {{"r", {0.5}}}), 2); }).code == ErrorCode::usage, text);
  CHECK(failure([&] {
          check_recipe(with_numbers("r*A - r*B", {{"r", {0.5}}}), 2);
        }).text.find("is a delta") != std::string::npos);
  Recipe fixed = with_numbers("r*A + B/2", {{"r", {0.5}}});
  fixed.weights.clear();
  check_recipe(fixed, 2);
  CHECK(canonical_recipe(fixed, 2).formula->text == "0.5*A + B/2");
  CHECK(canonical_recipe(fixed, 2).parameters.empty());
}

TEST_CASE("numbers are computed by name, once for all that have the same") {
  Opened opened;
  add_layers(opened);
  const Plan plan = opened.plan(with_numbers("A + r/2*(B - A)", {{"r", {1}}}));
  const auto factor = [&](const char* name) {
    double k = 0;
    for (const Instruction& i : plan.programs[step_of(plan, opened, name).program].code) k = std::max(k, i.k0);
    return k;
  };
  CHECK(factor("layers.0.w") == 0.5);
  CHECK(factor("layers.1.w") == 0.125);
  CHECK(step_of(plan, opened, "layers.0.w").program == step_of(plan, opened, "layers.2.w").program);
  CHECK(plan.weighted == std::vector<uint64_t>{1});
  CHECK(plan.recipe.formula->text == "A + r/2*(B - A)");
  const Failure fault = opened.fault(with_numbers("A + (B - A)/(r - 0.25)", {{"r", {1}}}));
  CHECK(fault.code == ErrorCode::usage);
  CHECK(fault.text.find("divides by zero") != std::string::npos);
  CHECK(fault.text.find("with the weights 'r ") != std::string::npos);
}
