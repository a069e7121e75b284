// SPDX-License-Identifier: Apache-2.0
// The language of formulas: what is read, of which type it is, how it is recorded, and where faults are shown.
#include "core/formula/read_formula.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/formula/expression.h"
#include "core/formula/recipe_graph.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;
using ckmerge::test::Failure;

namespace {

const std::vector<std::string> kNames = {"A", "B", "C"};

ReadFormula read(const std::string& text, std::vector<std::string> names = kNames) {
  return read_formula({.text = text, .names = std::move(names)});
}

// As it is recorded; checkpoints that it does not speak of are left away.
std::string canonical(const std::string& text, std::vector<std::string> names = kNames) {
  std::erase_if(names, [&](const std::string& name) { return text.find(name) == std::string::npos; });
  return read(text, names).text;
}

struct Fault {
  const char* text;
  const char* where;  // formula:LINE:COLUMN
  const char* sentence;
  std::vector<std::string> details;
};

void check_fault(const Fault& fault) {
  CAPTURE(std::string(fault.text));
  const Failure found = failure([&] { read(fault.text); });
  CHECK(found.code == ErrorCode::usage);
  CHECK(found.where == fault.where);
  CHECK(found.text == std::string(fault.where) + ": " + fault.sentence);
  CHECK(found.details == fault.details);
}

bool are_equal(const MergeGraph& a, const MergeGraph& b) {
  return std::ranges::equal(a.terms(), b.terms()) && a.result() == b.result();
}

std::string repeated(size_t count, const std::string& text) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("what a sum is, its weights decide at its end") {
  for (const std::string text :
       {"A", "A + B - C", "0.3*A + 0.7*B", "(A + B)/2", "A/2 + B/2", "0.1*A + 0.2*B + 0.7*C", "2*A - B", "A + (B - C)",
        "(B - C)*0.5 + A", "A - (B - C)/3", "(B - C) + A", "-A + 2*B", "((A + B) + C)/3", "0.5*(0.3*A + 0.7*B) + 0.5*C",
        "A + -(B - C)", "A + (A - B) - (B - C)", "slerp(B - C, A - C, t=0.3) + A", "A + 0.5*linear(A - C, B - C)",
        "(((A)))"}) {
    CAPTURE(text);
    std::vector<std::string> names = kNames;
    std::erase_if(names, [&](const std::string& name) { return text.find(name) == std::string::npos; });
    const ReadFormula formula = read(text, names);
    CHECK(formula.graph[formula.graph.result()].type == TermType::checkpoint);
  }
}

TEST_CASE("blanks change nothing, and what is recorded reads back as the same graph") {
  const ReadFormula close = read("A+0.7*(slerp(B,C)-A)");
  const ReadFormula wide = read(" A +\n 0.70 * ( slerp ( B , C ) - A )\t");
  CHECK(close.text == "A + 0.7*(slerp(B, C, t=0.5) - A)");
  CHECK(wide.text == close.text);
  CHECK(are_equal(wide.graph, close.graph));
  for (const std::string text :
       {"A + B*0.5 - 0.5*C", "A - (B - C)", "A - ((B - C) - (C - B))*-0.25", "A + -(B - C)/(1 - 3)",
        "linear(A, B, C, normalize=false, weights=[1, 2, -2])", "weighted_sum(A, (B + C)/2)",
        "A*(1 - 0.25) + (B + C)/8", "A + 1/3*(B - C)", "A + 1e-3*(B - C)/2/2"}) {
    CAPTURE(text);
    const ReadFormula once = read(text), again = read(once.text);
    CHECK(again.text == once.text);
    CHECK(are_equal(again.graph, once.graph));
  }
}

TEST_CASE("numbers are recorded as they are computed, parameters in the method's order with their defaults") {
  CHECK(canonical("A*(1 - 0.3) + 0.3*B") == "A*0.7 + 0.3*B");
  CHECK(canonical("A + 2*0.25*(B - C)") == "A + 2*0.25*(B - C)");
  CHECK(canonical("A + (2*0.25)*(B - C)") == "A + 0.5*(B - C)");
  CHECK(canonical("A - -(0.5)*(B - C)") == "A - -0.5*(B - C)");
  CHECK(canonical("A - --(0.5)*(B - C)") == "A - 0.5*(B - C)");
  CHECK(canonical("-(-(A)) + 0.5*(B - C)") == "A + 0.5*(B - C)");
  CHECK(canonical("A + .5e0*(B - C)") == "A + 0.5*(B - C)");
  CHECK(canonical("weighted_sum(A, B)") == "weighted_sum(A, B, alpha=0.5)");
  CHECK(canonical("linear(A, B)") == "linear(A, B, weights=[1, 1], normalize=true)");
  CHECK(canonical("linear(A, B, normalize=true, weights=[1/4, 3/4])") ==
        "linear(A, B, weights=[0.25, 0.75], normalize=true)");
  CHECK(canonical("linear(A, B, C, normalize=false)") ==
        "linear(A, B, C, weights=[0.3333333333333333, 0.3333333333333333, 0.3333333333333333], normalize=false)");
  CHECK(canonical("slerp(A, B, alpha=0.3)") == "slerp(A, B, t=0.3)");
}

TEST_CASE("equal parts are one term, and equal terms of a sum are added up") {
  const ReadFormula formula = read("A + 0.5*(B - C) + 0.25*(slerp(A + (B - C), B, t=0.1) - A)");
  const auto differences = std::ranges::count_if(formula.graph.terms(), [&](const Term& term) {
    return term.kind == Term::Kind::sum && term.operands == std::vector<TermId>{1, 2};
  });
  CHECK(differences == 1);
  CHECK(read("0.3*A + 0.7*A", {"A"}).graph.result() == 0);
  CHECK(read("0.1*A + 0.2*A + 0.7*A", {"A"}).graph.result() == 0);
  CHECK(read("A + B - B", {"A", "B"}).graph.result() == 0);
  CHECK(read("A/49*49", {"A"}).graph.result() == 0);
}

TEST_CASE("what makes no checkpoint is refused with the way to mend it") {
  check_fault({"A + B",
               "formula:1:3",
               "two checkpoints are added, which gives neither a checkpoint nor a delta; divide their sum by 2 for the "
               "average, add a difference, as in A + (B - C), or an adapter, as in A + lora(B), or write linear(A, B, "
               "weights=[1, 1], normalize=false) where that is meant",
               {"A + B", "  ^"}});
  check_fault({"B - C",
               "formula:1:3",
               "the result is a delta, a difference of checkpoints, and none itself; add it to one, as in A + (B - C)",
               {"B - C", "  ^"}});
  check_fault({"0.5*A + 0.25*B",
               "formula:1:7",
               "the weights of the checkpoints add up to 0.75, where a checkpoint has 1 and a delta 0; change them, or "
               "write linear(A, B, weights=[0.5, 0.25], normalize=false) where that is meant",
               {"0.5*A + 0.25*B", "      ^"}});
  check_fault({"linear(A, (B + C))",
               "formula:1:14",
               "two checkpoints are added, which gives neither a checkpoint nor a delta; divide their sum by 2 for the "
               "average, add a difference, as in A + (B - C), or an adapter, as in B + lora(C), or write linear(B, C, "
               "weights=[1, 1], normalize=false) where that is meant",
               {"linear(A, (B + C))", "             ^"}});
  check_fault({"1 + 2", "formula:1:1", "the formula is a number, and gives no checkpoint", {"1 + 2", "^"}});
  CHECK(read("linear(A, B, C, weights=[1, 1, 1], normalize=false)").graph.terms().size() > 0);
}

TEST_CASE("numbers multiply and divide deltas and weights, and nothing else") {
  check_fault({"A + 0.5",
               "formula:1:3",
               "a number cannot be added to checkpoints and deltas; multiply a delta by it, as in A + 0.5*(B - C)",
               {"A + 0.5", "  ^"}});
  check_fault({"A*B",
               "formula:1:2",
               "two of checkpoints and deltas are multiplied; one factor must be a number",
               {"A*B", " ^"}});
  check_fault({"A + (B - C)/A",
               "formula:1:12",
               "only numbers divide; write a method for what is meant",
               {"A + (B - C)/A", "           ^"}});
  check_fault({"A + (B - C)/0", "formula:1:12", "this divides by zero", {"A + (B - C)/0", "           ^"}});
  check_fault({"A + 1/(1 - 1)*B", "formula:1:6", "this divides by zero", {"A + 1/(1 - 1)*B", "     ^"}});
  check_fault({"A + 1e300*1e300*(B - C)",
               "formula:1:10",
               "the result of this is larger than 64 bits can hold",
               {"A + 1e300*1e300*(B - C)", "         ^"}});
  check_fault({"A + 1e999*(B - C)",
               "formula:1:5",
               "this number is larger or smaller than 64 bits can hold",
               {"A + 1e999*(B - C)", "    ^"}});
  check_fault({"A + 1e300*(1e300*(B - C))",
               "formula:1:3",
               "a factor must be finite, not NaN or infinite",
               {"A + 1e300*(1e300*(B - C))", "  ^"}});
}

TEST_CASE("names that are none are told with what may be meant") {
  const auto fault = [](const std::string& text) { return failure([&] { read(text, {"base", "anime"}); }); };
  CHECK(fault("base + 0.5*(anme - base)").text ==
        "formula:1:13: no checkpoint is called 'anme'; did you mean 'anime'?");
  CHECK(fault("base + ratio*(anime - base)").text ==
        "formula:1:8: no checkpoint is called 'ratio'; they are base and anime; a number of that name is given with "
        "--param ratio=0.5");
  CHECK(fault("1e13*base - 1e13*anime").code == ErrorCode::usage);  // the digits that would tell are lost
  CHECK(fault("base + 0.5*(X - base)").text == "formula:1:13: no checkpoint is called 'X'; they are base and anime");
  CHECK(fault("weighted_sun(base, anime)").text ==
        "formula:1:1: method 'weighted_sun' is unknown; did you mean 'weighted_sum'?");
  CHECK(fault("weighted_sum(base, anime, alhpa=1)").text ==
        "formula:1:27: weighted_sum has no parameter 'alhpa'; did you mean 'alpha'?");
  CHECK(fault("base + 0.5*(slerp - base)").text ==
        "formula:1:13: slerp is a method, and takes its checkpoints in parentheses: slerp(...)");
  CHECK(fault("base(anime)").text ==
        "formula:1:1: base is a checkpoint and no method; a number multiplies it, as in 0.5*base");
}

TEST_CASE("methods take what they say they take") {
  const auto fault = [](const std::string& text) { return failure([&] { read(text); }).text; };
  CHECK(fault("slerp(A)") == "formula:1:1: slerp takes 2 checkpoints, but 1 was given");
  CHECK(fault("slerp()") == "formula:1:1: slerp takes 2 checkpoints, but 0 were given");
  CHECK(fault("slerp(A, B - C)") == "formula:1:12: slerp takes checkpoints or deltas, not both; this is a delta");
  CHECK(fault("slerp(A, 0.3)") == "formula:1:10: slerp takes checkpoints here; numbers are given by name");
  CHECK(fault("slerp(A, B, t=C)") == "formula:1:15: t is a number");
  CHECK(fault("slerp(A, B, t=[1])") == "formula:1:15: t is a number");
  CHECK(fault("slerp(A, B, t=1, alpha=1)") == "formula:1:18: t is given twice");
  CHECK(fault("slerp(A, B, t=1, t=1)") == "formula:1:18: 't' is given twice");
  CHECK(fault("slerp(A, t=1, B)") == "formula:1:15: checkpoints come before parameters");
  CHECK(fault("slerp(A, B, t=1e9)") == "formula:1:1: t is too far from 0; it must lie between -100000 and 100000");
  CHECK(fault("linear(A, B, weights=1)") ==
        "formula:1:1: weights of linear takes 2 numbers, one per checkpoint, but 1 was given");
  CHECK(fault("linear(A, B, weights=[1, B])") == "formula:1:26: a list holds numbers only");
  CHECK(fault("linear(A, B, weights=[1, -1])") ==
        "formula:1:1: the weights sum to 0 and cannot be normalized; keep them as they are with --no-normalize, in a "
        "formula "
        "with normalize=false");
  CHECK(fault("linear(A, B, normalize=maybe)") == "formula:1:24: normalize is true or false");
}

TEST_CASE("what is no formula is refused where it stops being one") {
  const auto fault = [](const std::string& text) { return failure([&] { read(text); }).text; };
  CHECK(fault("") == "formula:1:1: the formula ends where a checkpoint, a number, a method or ( is expected");
  CHECK(fault("A +") == "formula:1:4: the formula ends where a checkpoint, a number, a method or ( is expected");
  CHECK(fault("A + * B") == "formula:1:5: '*' stands where a checkpoint, a number, a method or ( is expected");
  CHECK(fault("A B") == "formula:1:3: a sign (+ - * /) is missing before 'B'");
  CHECK(fault("2A") == "formula:1:2: a sign (+ - * /) is missing before 'A'");
  CHECK(fault("(A B)") == "formula:1:4: a sign (+ - * /) is missing before 'B'");
  CHECK(fault("(A + B") == "formula:1:1: this ( is never closed");
  CHECK(fault("slerp(A, B") == "formula:1:6: this ( is never closed");
  CHECK(fault("(A + B]") == "formula:1:7: ']' stands where ')' is expected");
  CHECK(fault("A)") == "formula:1:2: ')' closes nothing");
  CHECK(fault("[A]") == "formula:1:1: a list belongs to a parameter, as in linear(A, B, weights=[0.3, 0.7])");
  CHECK(fault("A = 3") == "formula:1:3: '=' belongs into a method's parentheses, as in slerp(A, B, t=0.3)");
  CHECK(fault("slerp(A, B, (t)=3)") == "formula:1:16: '=' follows the name of a parameter, as in slerp(A, B, t=0.3)");
  CHECK(fault("A ^ B") ==
        "formula:1:3: '^' means nothing in a formula, which has names, numbers and + - * / ( ) [ ] , =");
  CHECK(
      fault("A \x01") ==
      "formula:1:3: a control character means nothing in a formula, which has names, numbers and + - * / ( ) [ ] , =");
  CHECK(fault("A\xff") == "the formula is not UTF-8");
  CHECK(fault(std::string(kLongestFormula + 1, ' ')) == "the formula has 1048577 bytes, more than 1048576");
}

TEST_CASE("lines and columns count characters, and of a long line what lies around the fault is shown") {
  const Failure wide = failure([] { read("base\t+ \xc3\xa9t\xc3\xa9*(X - base)", {"base", "\xc3\xa9t\xc3\xa9"}); });
  CHECK(wide.where == "formula:1:13");
  CHECK(wide.details == std::vector<std::string>{"base + \xc3\xa9t\xc3\xa9*(X - base)", "            ^"});
  // Two columns each, but one character: \u6f22\u5b57; and an accent that has none of its own.
  const Failure twice = failure([] { read("\u6f22\u5b57 + 0.5*(X - e\u0301)", {"\u6f22\u5b57", "e\u0301"}); });
  CHECK(twice.where == "formula:1:11");
  CHECK(twice.details == std::vector<std::string>{"\u6f22\u5b57 + 0.5*(X - e\u0301)", std::string(12, ' ') + "^"});
  const Failure behind = failure([] { read("e\u0301 + X", {"e\u0301"}); });
  CHECK(behind.details[1] == "    ^");
  const Failure second = failure([] { read("A +\n  0.5*(B -\n X)"); });
  CHECK(second.where == "formula:3:2");
  CHECK(second.details == std::vector<std::string>{" X)", " ^"});
  const Failure far = failure([] { read(repeated(50, "A + ") + "X" + repeated(50, " + B")); });
  CHECK(far.where == "formula:1:201");
  REQUIRE(far.details.size() == 2);
  CHECK(far.details[0] == "..." + repeated(15, "A + ") + "X" + repeated(9, " + B") + " + ...");
  CHECK(far.details[1] == std::string(63, ' ') + "^");
}

TEST_CASE("depth and length have limits, and what is within them is read") {
  const auto nested = [](size_t depth) { return std::string(depth, '(') + "A" + std::string(depth, ')'); };
  CHECK(read(nested(kDeepestFormula), {"A"}).text == "A");
  CHECK(failure([&] { read(nested(kDeepestFormula + 1), {"A"}); }).text ==
        "formula:1:65: more than 64 parentheses lie in each other here");
  CHECK(read(std::string(100'000, '-') + "A", {"A"}).text == "A");
  std::vector<std::pair<std::string, std::string>> names = {{"d0", "B - A"}};
  for (size_t i = 1; i <= kDeepestFormula / 2; ++i)
    names.emplace_back("d" + std::to_string(i), "0.5*(d" + std::to_string(i - 1) + ")");
  const auto in_each_other = [&](const char* last) {
    read_formula({.text = std::string("A + ") + last, .names = {"A", "B"}, .defined = names});
  };
  CHECK(failure([&] { in_each_other("d32"); }).text ==
        "formula:1:5: with what 'd32' stands for, more than 64 expressions lie in each other here: names count as if "
        "they "
        "were written out in parentheses");
  names.pop_back();
  in_each_other("d31");
  CHECK(failure([&] { read(repeated(kMostOperands, "A + ") + "A", {"A"}); }).text ==
        "formula:1:8001: the formula has more than 2000 names and numbers; merge it in two steps");
  std::string many = "A";
  for (size_t i = 1; i < kMostOperands / 3; ++i) many += " + 0." + std::to_string(i) + "*(B - C)";
  CHECK(read(many).graph.terms().size() < 10);
}

TEST_CASE("names of checkpoints are words, each given once, and a letter is that of its place") {
  const auto fault = [](std::vector<std::string> names) {
    return failure([&] { read_formula({.text = "1", .names = std::move(names)}); });
  };
  CHECK(fault({"a-b"}).text ==
        "the name 'a-b' cannot stand in a formula: names are letters, digits and underscores, no digit first");
  CHECK(fault({"1a"}).code == ErrorCode::usage);
  CHECK(fault({"base", "base"}).text == "the name 'base' is given to two checkpoints");
  CHECK(
      fault({"base", "A"}).text ==
      "the name 'A' is that of another checkpoint: this one, the 2nd that is given, is B in reports and options; call "
      "it so, or by a longer name; or, if it is an adapter, add it as lora(A)");
  CHECK(failure([] { read("A + 0.5*(B - A)"); }).text == "the formula does not speak of C; take it away, or use it");
}

TEST_CASE("a recipe's formula names all checkpoints that are merged, and has its numbers in itself") {
  Recipe recipe{.method = "formula", .formula = Formula{"A + 0.5*(B - A)", {"A", "B"}}};
  check_recipe(recipe, 2);
  CHECK(canonical_recipe(recipe, 2) == recipe);
  CHECK(failure([&] { check_recipe(recipe, 3); }).text == "the formula has names for 2 checkpoints, but 3 are given");
  recipe.bake_vae = true;
  check_recipe(recipe, 3);
  recipe.parameters["alpha"] = {0.5};
  CHECK(failure([&] { check_recipe(recipe, 3); }).text == "the name 'alpha' is not used; take it away, or use it");
}

TEST_CASE("a formula that calls one method over all checkpoints in their order is that method's merge") {
  const auto made = [](const std::string& text, std::vector<std::string> names) {
    const size_t count = names.size();
    return canonical_recipe({.method = "formula", .formula = Formula{text, std::move(names)}}, count);
  };
  const Recipe sum = made("( Weighted_Sum(A, B, alpha=3/10) )", {"A", "B"});
  CHECK(!sum.formula);
  CHECK(sum.method == "weighted_sum");
  CHECK(sum.parameters == MethodParameters{{"alpha", {3.0 / 10}}});
  CHECK(made("linear(A, B)", {"A", "B"}).parameters == MethodParameters{{"weights", {1, 1}}, {"normalize", {1}}});
  CHECK(made("weighted_sum(B, A)", {"A", "B"}).formula);
  CHECK(made("weighted_sum(base, B)", {"base", "B"}).formula);
  CHECK(made("weighted_sum(A, (A + B)/2)", {"A", "B"}).formula);
  CHECK(made("0.7*A + 0.3*B", {"A", "B"}).formula);
}

TEST_CASE("names stand for expressions in parentheses, and are written out in what is recorded") {
  const auto with = [](std::vector<std::pair<std::string, std::string>> defined, const std::string& text) {
    return read_formula({.text = text, .names = kNames, .defined = std::move(defined)});
  };
  const auto fault = [&](std::vector<std::pair<std::string, std::string>> defined, const std::string& text) {
    return failure([&] { with(defined, text); });
  };
  const ReadFormula formula =
      with({{"k", "2*0.25"}, {"style", "B - C"}, {"moved", "A + k*style"}}, "0.5*moved + 0.5*slerp(moved, B, t=k)");
  CHECK(formula.text == "0.5*(A + 0.5*(B - C)) + 0.5*slerp(A + 0.5*(B - C), B, t=0.5)");
  CHECK(are_equal(formula.graph, read(formula.text).graph));
  CHECK(with({{"k", "0.5"}}, "A + (2*k)*(B - C)").text == "A + 1*(B - C)");
  CHECK(read(with({{"k", "-0.5"}}, "A - k*(B - C)").text).text == "A - -0.5*(B - C)");
  CHECK(with({{"t", "0.25"}}, "slerp(A, B, t=t) + 0*C").text == "slerp(A, B, t=0.25) + 0*C");
  const Failure inside = fault({{"style", "B - X"}}, "A + style");
  CHECK(inside.text == "style:1:5: no checkpoint is called 'X'; they are A, B and C");
  CHECK(inside.details == std::vector<std::string>{"B - X", "    ^"});
  CHECK(fault({{"x", "A + y"}, {"y", "B - C"}}, "x + y").where == "x:1:5");
  CHECK(fault({{"x", "B - C"}}, "A + 0.5*(B - C)").text == "the name 'x' is not used; take it away, or use it");
  CHECK(fault({{"s", "t"}, {"t", "B - C"}}, "A + s")
            .text.starts_with("s:1:1: 't' is defined below this; names for expressions use those above them"));
  CHECK(fault({{"A", "B - C"}}, "A").text == "the name 'A' is a checkpoint's");
  CHECK(fault({{"x", "B"}, {"x", "C"}}, "A").text == "the name 'x' is given twice");
  CHECK(fault({{"1x", "B"}}, "A").text == "the name '1x' cannot stand in a formula");
  CHECK(fault({{"x", "B +"}}, "A + x").where == "x:1:4");
  std::vector<std::pair<std::string, std::string>> doubled = {{"x0", "B - C"}};
  for (int i = 1; i < 30; ++i) {
    const std::string before = "x" + std::to_string(i - 1);
    doubled.emplace_back("x" + std::to_string(i), before + " + 0.5*" + before);
  }
  CHECK(fault(doubled, "A + x29").text.find("more than 2000 names and numbers") != std::string::npos);
  std::vector<std::pair<std::string, std::string>> deep = {{"x0", "B - C"}};
  for (int i = 1; i < 80; ++i) deep.emplace_back("x" + std::to_string(i), "0.5*x" + std::to_string(i - 1));
  CHECK(fault(deep, "A + x79").text.find("more than 64 expressions") != std::string::npos);
}
