// SPDX-License-Identifier: Apache-2.0
// Gradients, and weights as a recipe records them.
#include "core/recipe/weight_rule.h"

#include <doctest/doctest.h>

#include "core/recipe/weight_rule_json.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

TEST_CASE("a gradient runs from its first number to its last") {
  const std::vector<double> numbers{0, 0.5, 0.25};
  CHECK(gradient_at(numbers, 0, 5) == 0);
  CHECK(gradient_at(numbers, 1, 5) == 0.25);
  CHECK(gradient_at(numbers, 2, 5) == 0.5);
  CHECK(gradient_at(numbers, 3, 5) == 0.375);
  CHECK(gradient_at(numbers, 4, 5) == 0.25);
  CHECK(gradient_at(numbers, 0, 1) == 0.25);
  CHECK(gradient_at({0.3, 0.3}, 5, 7) == 0.3);
  CHECK(gradient_at({1, 2, 3, 4}, 1, 2) == 4);
}

TEST_CASE("weights are recorded and read back") {
  const WeightRule rules[] = {
      {.parameter = "alpha", .selector = "IN00..IN08", .values = {0.2}},
      {.parameter = "t", .selector = "/a\"\\.b/", .values = {0, 0.5, 1e-300}},
      {.parameter = "weights", .input = 1, .selector = "OUT*", .values = {-1}},
      {.parameter = "alpha", .by = WeightRule::By::list, .values = {0.1}},
      {.parameter = "alpha", .by = WeightRule::By::list, .values = std::vector<double>(26, 0.25)},
      {.parameter = "beta", .by = WeightRule::By::elements, .selector = "", .elements = "NOT attn2", .values = {1}},
  };
  for (const WeightRule& rule : rules) {
    std::string text;
    append_json(text, rule);
    CHECK(parse_weight_rule(parse_json(text, {})) == rule);
  }
  CHECK(text_of(rules[0]) == "alpha IN00..IN08=0.2");
  CHECK(text_of(rules[2]) == "weights of B OUT*=-1");
  CHECK(text_of(rules[5]) == "beta :NOT attn2:1");
}

TEST_CASE("weights that are none are refused by what is wrong") {
  const auto fault = [](const char* json) {
    const auto found = failure([&] { parse_weight_rule(parse_json(json, {})); });
    CHECK(found.code == ErrorCode::malformed);
    return found.text;
  };
  CHECK(fault("[]") == "'weights' has an entry that is no object");
  CHECK(fault("{}") == "'weights' has an entry of which 'parameter' is not a string");
  CHECK(fault(R"({"parameter":"alpha","value":1})") == "'weights' has an entry of which 'select' is not a string");
  CHECK(fault(R"({"parameter":"alpha","select":"IN*"})") == "'weights' has an entry without 'value'");
  CHECK(fault(R"({"parameter":"alpha","select":"IN*","value":[]})") == "'weights' has an entry without a number");
  CHECK(fault(R"({"parameter":"alpha","select":"IN*","value":"1"})") ==
        "'weights' has an entry with a number that is none within 64 bits");
  CHECK(fault(R"({"parameter":"alpha","input":"AB","select":"IN*","value":1})") ==
        "'weights' has an entry of which 'input' is not a letter");
  CHECK(fault(R"({"parameter":"alpha","blocks":"IN00","value":1})") ==
        "'weights' has an entry of which 'elements' is not a string");
  CHECK(fault(R"({"parameter":"alpha","list":[1],"select":"IN00"})") ==
        "'weights' has an entry with 'select', which is unknown; a newer ckmerge may know it");
}
