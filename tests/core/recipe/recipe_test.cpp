// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/recipe.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

TEST_CASE("dtypes go by the names of the format, of torch and of the tools, in any case") {
  CHECK(parse_dtype("f16") == Dtype::F16);
  CHECK(parse_dtype("FP16") == Dtype::F16);
  CHECK(parse_dtype("half") == Dtype::F16);
  CHECK(parse_dtype("float16") == Dtype::F16);
  CHECK(parse_dtype("bfloat16") == Dtype::BF16);
  CHECK(parse_dtype("double") == Dtype::F64);
  CHECK(parse_dtype("fp8_e4m3fn") == Dtype::F8_E4M3);
  CHECK(parse_dtype("float8_e5m2") == Dtype::F8_E5M2);
  const auto refused = failure([] { parse_dtype("fp7"); });
  CHECK(refused.code == ErrorCode::usage);
  CHECK(refused.text.find("'fp7'") != std::string::npos);
}

TEST_CASE("weighted_sum has coefficients 1 - alpha and alpha, 0.5 by default") {
  CHECK(resolve_coefficients({.method = "weighted_sum"}, 2) == std::vector<double>{0.5, 0.5});
  CHECK(resolve_coefficients({.method = "lerp"}, 2) == std::vector<double>{0.5, 0.5});  // what others call it
  CHECK(resolve_coefficients({.method = "weighted_sum", .parameters = {{"alpha", {0.3}}}}, 2) ==
        std::vector<double>{1 - 0.3, 0.3});
  CHECK(resolve_coefficients({.method = "weighted_sum", .parameters = {{"alpha", {-2.5}}}}, 2) ==
        std::vector<double>{3.5, -2.5});
}

TEST_CASE("linear normalizes its weights unless told not to, and averages by default") {
  CHECK(resolve_coefficients({.method = "linear"}, 4) == std::vector<double>(4, 0.25));
  CHECK(resolve_coefficients({.method = "linear", .parameters = {{"weights", {1, 3}}}}, 2) ==
        std::vector<double>{0.25, 0.75});
  CHECK(resolve_coefficients({.method = "linear", .parameters = {{"weights", {1, 3}}, {"normalize", {0}}}}, 2) ==
        std::vector<double>{1, 3});
}

TEST_CASE("linear refuses to normalize weights whose sum is 0, and takes them as they are") {
  const auto refused = failure([] {
    resolve_coefficients({.method = "linear", .parameters = {{"weights", {1, -1}}}}, 2);
  });
  CHECK(refused.code == ErrorCode::usage);
  CHECK(refused.text.find("--no-normalize") != std::string::npos);
  CHECK(resolve_coefficients({.method = "linear", .parameters = {{"weights", {1, -1}}, {"normalize", {0}}}}, 2) ==
        std::vector<double>{1, -1});
}

TEST_CASE("recipe faults are usage errors that name what is wrong") {
  const auto of = [](Recipe recipe, size_t inputs) { return failure([&] { resolve_coefficients(recipe, inputs); }); };
  for (const auto& row : {
           std::pair{of({.method = "lerpo"}, 2), "'lerpo'"},
           std::pair{of({.method = "weighted_sum"}, 3), "takes 2 checkpoints"},
           std::pair{of({.method = "weighted_sum"}, 1), "but 1 was given"},
           std::pair{of({.method = "add_difference"}, 2), "takes 3 checkpoints"},
           std::pair{of({.method = "slerp"}, 3), "slerp takes 2 checkpoints, but 3 were given"},
           std::pair{of({.method = "copy"}, 2), "takes 1 checkpoint "},
           std::pair{of({.method = "copy", .parameters = {{"alpha", {1}}}}, 1), "it takes none"},
           std::pair{of({.method = "linear", .parameters = {{"alpha", {1}}}}, 2), "weights, normalize"},
           std::pair{of({.method = "linear", .parameters = {{"weights", {1, 2, 3}}}}, 2), "2 numbers"},
           std::pair{of({.parameters = {{"alpha", {NAN}}}}, 2), "finite"},
           std::pair{of({.method = "linear", .parameters = {{"weights", {1e308, 1e308}}}}, 2), "too large"},
           std::pair{of({.method = "linear", .parameters = {{"weights", {0.1, 0.2, -0.3}}}}, 3), "sum to 0"},
       }) {
    const auto& fault = row.first;
    CHECK(fault.code == ErrorCode::usage);
    CHECK_MESSAGE(fault.text.find(row.second) != std::string::npos, fault.text);
  }
}
