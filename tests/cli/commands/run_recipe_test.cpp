// SPDX-License-Identifier: Apache-2.0
// Words to inputs. What `run` does with them is tests/cli/commands/run_recipe.py's.
#include "cli/commands/run_recipe.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::cli;
using ckmerge::test::failure;

namespace {

RecordedRecipe recorded(size_t inputs) {
  RecordedRecipe out;
  for (size_t k = 0; k < inputs; ++k) out.recipe.input_names.push_back("input-" + std::to_string(k));
  out.sha256.resize(inputs);
  return out;
}

}  // namespace

TEST_CASE("inputs are bound by letter in any order, and may hold further signs") {
  CHECK(bound_inputs(recorded(2), {"B=x=y", "A=/a b"}) == std::vector<std::string>{"/a b", "x=y"});
  CHECK(bound_inputs(recorded(3), {"B=="}) == std::vector<std::string>{"", "=", ""});
  CHECK(bound_inputs(recorded(1), {}) == std::vector<std::string>{""});
}

TEST_CASE("after Z inputs have numbers") {
  const std::vector<std::string> bound = bound_inputs(recorded(28), {"Z=z", "#27=a", "#28=b"});
  CHECK(bound[25] == "z");
  CHECK(bound[26] == "a");
  CHECK(bound[27] == "b");
  for (const char* word : {"#26=x", "#1=x", "#29=x", "AA=x", "#=x"})
    CHECK(failure([&] { bound_inputs(recorded(28), {word}); }).code == ErrorCode::usage);
}

TEST_CASE("what cannot be bound is told with what each letter was") {
  RecordedRecipe two = recorded(2);
  two.sha256[1] = std::string(64, 'b');
  const auto refused = failure([&] { bound_inputs(two, {"C=x"}); });
  CHECK(refused.text == "the recorded merge has no input C");
  CHECK(refused.where == "C=x");
  CHECK(refused.details == std::vector<std::string>{"A was input-0, its hash was not recorded",
                                                    "B was input-1, sha256 " + std::string(64, 'b')});
  CHECK(failure([&] { bound_inputs(two, {"A=x", "A=x"}); }).text == "A is given twice");
  CHECK(failure([&] { bound_inputs(two, {"=x"}); }).text.starts_with("'=x' binds no input; "));
  CHECK(failure([&] { bound_inputs(two, {"a=x"}); }).code == ErrorCode::usage);
}
