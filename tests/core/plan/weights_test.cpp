// SPDX-License-Identifier: Apache-2.0
// Weights by block and by name in a plan: what each tensor's program is, and what the plan says of them.
#include <doctest/doctest.h>

#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

WeightRule selected(const char* selector, std::vector<double> values) {
  return {.parameter = "alpha", .selector = selector, .values = std::move(values)};
}

void add_layers(Opened& opened, size_t count) {
  std::vector<FileTensor> tensors;
  for (size_t i = 0; i < count; ++i)
    for (const char* part : {".attn.weight", ".mlp.weight"})
      tensors.push_back(f32("layers." + std::to_string(i) + part, {1}, {1}));
  tensors.push_back(f32("norm.weight", {1}, {1}));
  opened.add(tensors).add(tensors);
}

}  // namespace

TEST_CASE("every tensor has the number of the last weight that selects it") {
  Opened opened;
  add_layers(opened, 4);
  const Plan plan = opened.plan({.parameters = {{"alpha", {0.5}}},
                                 .weights = {selected("L*", {0.25}), selected("L02..L03", {0, 1}),
                                             selected("/mlp/", {0.75}), selected("L03", {0.125})}});
  CHECK(plan.weighted == std::vector<uint64_t>{2, 1, 3, 2});
  const auto program = [&](const char* name) { return step_of(plan, opened, name).program; };
  CHECK(program("layers.0.attn.weight") == program("layers.1.attn.weight"));
  CHECK(program("layers.0.attn.weight") != program("layers.0.mlp.weight"));
  CHECK(program("layers.2.mlp.weight") == program("layers.0.mlp.weight"));
  CHECK(program("layers.2.attn.weight") == Step::kCopy);
  CHECK(program("layers.3.attn.weight") == program("layers.3.mlp.weight"));
  CHECK(program("norm.weight") != program("layers.0.attn.weight"));
  CHECK(plan.warnings.empty());
}

TEST_CASE("a weight of which later ones leave nothing is told") {
  Opened opened;
  add_layers(opened, 2);
  const Plan plan = opened.plan({.weights = {selected("L01", {0.25}), selected("L*", {0.75})}});
  REQUIRE(plan.warnings.size() == 1);
  CHECK(plan.warnings[0] == "the weight 'alpha L01=0.25' changes nothing: later weights hold for all that it selects");
}

TEST_CASE("a weight is refused by the tensor at which the method refuses it") {
  Opened opened;
  add_layers(opened, 2);
  const auto fault =
      opened.fault({.method = "linear",
                    .parameters = {{"weights", {1, 1}}},
                    .weights = {{.parameter = "weights", .input = 1, .selector = "L01", .values = {-1}}}});
  CHECK(fault.code == ErrorCode::usage);
  CHECK(fault.text.find("the weights sum to 0") == 0);
  CHECK(fault.text.find("(for layers.1.attn.weight)") != std::string::npos);
}

TEST_CASE("a stranger's recipe cannot ask for more than memory holds") {
  std::vector<WeightRule> weights(3000, selected("L*", {0, 1}));
  Opened opened;
  add_layers(opened, 400);
  const auto fault = opened.fault({.weights = std::move(weights)});
  CHECK(fault.text.find("the weights speak of too many blocks; give fewer") != std::string::npos);
}
