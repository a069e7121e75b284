// SPDX-License-Identifier: Apache-2.0
// Options that fit nothing, or hardly anything that is meant: warned of or refused.
#include <doctest/doctest.h>

#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Opened& pair(Opened& files) {
  return files.add({f32("a.only", {1}, {1}), f32("p.in", {1}, {1}), f32("p.out", {2}, {1, 1}), f32("w", {1}, {1})})
      .add({f32("b.only", {1}, {1}), f32("p.in", {1}, {1}), f32("p.out", {1}, {1}), f32("w", {1}, {1})});
}

}  // namespace

TEST_CASE("a --discard or --exclude that matches no name is a warning, and told beside what does not fit") {
  Opened files;
  pair(files);
  const Plan plan = files.plan({.discard = {"p.out", "^p\\.inn$"}, .exclude = {"tyop", "logit_scale$"}});
  REQUIRE(plan.warnings.size() == 3);
  CHECK(plan.warnings[0] == "--discard '^p\\.inn$' matches no tensor name; did you mean 'p.in'?");
  CHECK(plan.warnings[1] == "--exclude 'tyop' matches no tensor name");
  CHECK(plan.warnings[2] == "--exclude 'logit_scale$' matches no tensor name");
  // A misspelt pattern may be why something does not fit.
  const Failure misfit = files.fault({.exclude = {"^p\\.outt$"}});
  CHECK(misfit.code == ErrorCode::mismatch);
  CHECK(misfit.text ==
        "the checkpoints do not fit together: 1 tensor cannot be merged, and a pattern matches no tensor name");
  REQUIRE(misfit.details.size() == 2);
  CHECK(misfit.details[1] == "--exclude '^p\\.outt$' matches no tensor name; did you mean 'p.out'?");
}

TEST_CASE("an empty pattern is refused, whichever option has it") {
  Opened files;
  pair(files);
  for (const Recipe& recipe : {Recipe{.discard = {""}}, Recipe{.only = {""}}, Recipe{.exclude = {""}}}) {
    const Failure fault = files.fault(recipe);
    CHECK(fault.code == ErrorCode::usage);
    CHECK(fault.text.find("the pattern is empty") != std::string::npos);
  }
}

TEST_CASE("an output without tensors is refused, and what left them out is named") {
  Opened files, empty;
  pair(files);
  const Failure all = files.fault({.discard = {"."}});
  CHECK(all.code == ErrorCode::usage);
  CHECK(all.where == "--discard");
  CHECK(all.text == "the output would have no tensors: --discard left all of them out; leave out less");
  const Failure both = files.fault({.discard = {"^[^a]"}, .missing = MissingPolicy::drop});
  CHECK(both.code == ErrorCode::usage);
  CHECK(both.text.find("--discard and --missing drop left all of them out") != std::string::npos);
  empty.add({});
  const Failure none = empty.fault({.method = "copy"});
  CHECK(none.code == ErrorCode::mismatch);
  CHECK(none.text.ends_with(": has no tensors; there is nothing to write"));
}

TEST_CASE("a number far outside of the checkpoints is a warning that says how percents are written") {
  Opened files;
  files.add({f32("w", {1}, {1})}).add({f32("w", {1}, {2})}).add({f32("w", {1}, {3})});
  const auto warnings = [&](const Recipe& recipe, size_t inputs) {
    return make_plan(recipe, std::span(files.checkpoints).first(inputs)).warnings;
  };
  const auto alpha = [](double value) { return Recipe{.parameters = {{"alpha", {value}}}}; };
  for (const double usual : {-1.0, 0.3, 0.999, 1.5, 2.0}) CHECK(warnings(alpha(usual), 2).empty());
  REQUIRE(warnings(alpha(30), 2).size() == 1);
  CHECK(warnings(alpha(30), 2)[0] ==
        "alpha is 30, outside of -1 to 2: the result is extrapolated, far beyond the checkpoints; 30 % is 0.3");
  CHECK(warnings(alpha(-1.5), 2).size() == 1);
  CHECK(warnings({.method = "slerp", .parameters = {{"t", {50}}}}, 2).size() == 1);
  CHECK(warnings({.method = "add_difference", .parameters = {{"alpha", {100}}}}, 3).size() == 1);
  // Of weights what counts is what they come to.
  CHECK(warnings({.method = "linear", .parameters = {{"weights", {30, 70}}}}, 2).empty());
  const Recipe as_given{.method = "linear", .parameters = {{"weights", {30, 1}}, {"normalize", {0}}}};
  REQUIRE(warnings(as_given, 2).size() == 1);
  CHECK(warnings(as_given, 2)[0].ends_with("; 30 % is 0.3"));
  CHECK(warnings({.method = "linear", .parameters = {{"weights", {1, -0.9}}}}, 2).size() == 2);
}
