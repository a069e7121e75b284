// SPDX-License-Identifier: Apache-2.0
// Parameters of mergekit: scalars, gradients, filters, as mergekit 0.1.5 evaluates them.
#include "core/mergekit/mergekit_setting.h"

#include <doctest/doctest.h>

#include <string>

#include "core/mergekit/place_number.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

MergekitSetting setting(const std::string& yaml) {
  return std::move(read_mergekit_settings(parse_yaml(yaml, "f.yml"), "f.yml").at(0));
}

double number(const std::string& value, double t, MergekitKind kind = MergekitKind::number) {
  return setting("t: " + value).at(t, kind).at(0).number;
}

std::string refusal(const std::string& yaml, MergekitKind kind = MergekitKind::number) {
  return failure([&] { setting(yaml).at(0, kind); }).text;
}

// "contains|begins,...=number ..." of a parameter for names that begin with one of `prefixes`.
std::string at_place(const std::string& yaml, const std::vector<std::string>& prefixes) {
  const MergekitSettings settings = read_mergekit_settings(parse_yaml(yaml, "f.yml"), "f.yml");
  const MergekitParameter parameter{.name = "t", .default_value = 9};
  const std::vector<const MergekitSettings*> scopes = {&settings};
  std::string out;
  for (const PlaceNumber::Value& value : place_number(parameter, scopes, prefixes, 0).values) {
    out += value.contains;
    for (const std::string& begin : value.begins) out += "|" + begin;
    out += "=" + std::to_string(static_cast<int>(value.number)) + " ";
  }
  return out;
}

}  // namespace

TEST_CASE("a scalar is the same everywhere, a gradient goes from its first number to its last") {
  CHECK(number("0.25", 0.7) == 0.25);
  CHECK(number("[0, 1]", 0) == 0);
  CHECK(number("[0, 1]", 0.25) == 0.25);
  CHECK(number("[0, 1]", 1) == 1);
  CHECK(number("[0, 0.5, 0.3]", 0.5) == 0.5);
  CHECK(number("[0, 0.5, 0.3]", 0.75) == doctest::Approx(0.4));
  CHECK(number("[2]", 0.3) == 2);
  CHECK(number("{value: [0, 4]}", 0.5) == 2);
  CHECK(number("[1e-1, \"0.3\"]", 1) == 0.3);
}

TEST_CASE("flags are words of YAML 1.1, and gradients of them take the last that was reached") {
  CHECK(number("true", 0, MergekitKind::flag) == 1);
  CHECK(number("no", 0, MergekitKind::flag) == 0);
  CHECK(number("1", 0, MergekitKind::flag) == 1);
  CHECK(number("[false, true]", 0.99, MergekitKind::flag) == 0);
  CHECK(number("[false, true]", 1, MergekitKind::flag) == 1);
  CHECK(number("true", 0) == 1);
}

TEST_CASE("what is no value is refused with its place") {
  CHECK(refusal("t: warm") == "f.yml:1:1: 't' is a number, not 'warm'");
  CHECK(refusal("t: 010") == "f.yml:1:1: 't' is a decimal number; '010' is none to all readers of YAML");
  CHECK(number("0", 0) == 0);
  CHECK(number("-0.5", 0) == -0.5);
  CHECK(refusal("t: .inf") == "f.yml:1:1: 't' is a number, not '.inf'");
  CHECK(refusal("t: 2", MergekitKind::flag) == "f.yml:1:1: 't' is true or false, not '2'");
  CHECK(refusal("t: ~") == "f.yml:1:4: 't' has no value");
  CHECK(refusal("t: [{value: 1, filters: a}]") ==
        "f.yml:1:16: 'filters' is unknown; an entry is {value: X} or {filter: TEXT, value: X}");
  CHECK(refusal("t: [{filter: a}]") ==
        "f.yml:1:5: 'value' is missing; an entry is {value: X} or {filter: TEXT, value: X}");
  CHECK(refusal("t: [1, {value: 2}]") == "f.yml:1:5: an entry is {value: X} or {filter: TEXT, value: X}");
}

TEST_CASE("filters are parts of names, the first holds, and behind one without a filter there is none") {
  CHECK(at_place("t: [{filter: mlp, value: 1}, {filter: \"*\", value: 2}, {filter: x, value: 3}]", {""}) ==
        "mlp=1 =2 ");
  CHECK(at_place("t: [{filter: mlp, value: 1}]", {""}) == "mlp=1 =9 ");
  CHECK(at_place("t: []", {""}) == "=9 ");
  CHECK(at_place("u: 1", {""}) == "=9 ");
}

TEST_CASE("of a layer's names the prefix is known: a filter may lie in it, or across its end") {
  CHECK(at_place("t: [{filter: layers.3., value: 1}, {value: 2}]", {"model.layers.3."}) == "=1 ");
  CHECK(at_place("t: [{filter: layers.3., value: 1}, {value: 2}]", {"model.layers.13."}) == "layers.3.=1 =2 ");
  CHECK(at_place("t: [{filter: 3.mlp, value: 1}, {value: 2}]", {"model.layers.3."}) == "3.mlp|mlp=1 =2 ");
  // In other models' spellings, too.
  CHECK(at_place("t: [{filter: language, value: 1}, {value: 2}]", {"model.layers.3.", "language_model.layers.3."}) ==
        "=1 ");
  CHECK(at_place("t: [{filter: s.3.mlp, value: 1}, {value: 2}]", {"layers.3.", "blocks.3."}) == "s.3.mlp|mlp=1 =2 ");
  const PlaceNumber::Value value{.contains = "3.mlp", .begins = {"mlp"}};
  CHECK(value.fits("mlp.up.weight"));
  CHECK(value.fits("a.3.mlp"));
  CHECK_FALSE(value.fits("a.mlp"));
}
