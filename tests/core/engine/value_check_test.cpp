// SPDX-License-Identifier: Apache-2.0
// NaN and Inf that no input has, variances below zero, tensors of zeros: refused before the target exists, or reported.
#include <doctest/doctest.h>

#include <cmath>
#include <optional>

#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// F16 ends at 65504: "big" overflows in three places, "huge" in one.
std::vector<std::string> overflowing(const TempFolder& folder) {
  const std::vector<FileTensor> tensors = {bits("big", Dtype::F16, {4}, {0x7bff, 0x7bff, 0xfbff, 0x3c00}),
                                           bits("fine", Dtype::F16, {1}, {0x3c00}),
                                           bits("huge", Dtype::F16, {1, 1}, {0x7bff})};
  return {write_file(folder / "A", tensors), write_file(folder / "B", tensors)};
}

Recipe doubled(NanPolicy policy) {
  Recipe recipe{.method = "linear", .parameters = {{"weights", {1, 1}}, {"normalize", {0}}}};
  recipe.nan = policy;
  return recipe;
}

}  // namespace

TEST_CASE("Inf that no input has is refused with every tensor and count, and nothing is left behind") {
  TempFolder folder;
  const auto paths = overflowing(folder);
  const Failure fault = failure([&] { merge(doubled(NanPolicy::error), paths, folder / "out"); });
  CHECK(fault.code == ErrorCode::mismatch);
  CHECK(fault.text ==
        "the result would have 4 values that are NaN where no input is, or Inf where all inputs are finite, in 2 "
        "tensors; store the result in "
        "a dtype "
        "with more range (--dtype bf16 or f32), or take them (--nan warn)");
  CHECK(fault.details == std::vector<std::string>{"big: 3 values", "huge: 1 value"});
  CHECK(folder.names() == std::vector<std::string>{"A", "B"});
}

TEST_CASE("the advice is one that helps: another dtype where storing made them, another formula where computing did") {
  TempFolder folder;
  const auto advice = [&](const FileTensor& tensor, std::optional<Dtype> dtype) {
    const auto a = write_file(folder / "A", {tensor}), b = write_file(folder / "B", {tensor});
    Recipe recipe = doubled(NanPolicy::error);
    recipe.dtype = dtype;
    const std::string text = failure([&] { merge(recipe, {a, b}, folder / "out"); }).text;
    CHECK(text.find("1 value that is NaN where") != std::string::npos);
    return text.substr(text.find("in 1 tensor; ") + 13);
  };
  const FileTensor half = bits("w", Dtype::F16, {1}, {0x7bff}), brain = bits("w", Dtype::BF16, {1}, {0x7f7f}),
                   single = f32("w", {1}, {3e38f}), wide = bits("w", Dtype::F64, {1}, {0x4900000000000000}),
                   widest = bits("w", Dtype::F64, {1}, {0x7fefffffffffffff});
  CHECK(advice(half, {}) ==
        "store the result in a dtype with more range (--dtype bf16 or f32), or take them (--nan warn)");
  const std::string in_f64 = "store the result in a dtype with more range (--dtype f64), or take them (--nan warn)";
  CHECK(advice(wide, Dtype::F32) == in_f64);
  CHECK(advice(wide, Dtype::BF16) == in_f64);
  CHECK(advice(wide, Dtype::F16) == in_f64);  // BF16 and F32 do not hold them either
  const std::string too_large =
      "the numbers are too large for the arithmetic, or Inf of one input meets that of another: give coefficients that "
      "are nearer to 0, or copy such tensors from A (--exclude), or take them (--nan warn)";
  CHECK(advice(single, {}) == too_large);
  CHECK(advice(single, Dtype::F64) == too_large);  // the sum is made in f32
  CHECK(advice(brain, {}) == too_large);
  CHECK(advice(widest, {}) == too_large);
}

TEST_CASE("with --nan warn they are stored and reported") {
  TempFolder folder;
  const RunReport report = merge(doubled(NanPolicy::warn), overflowing(folder), folder / "out");
  CHECK(tensor_bytes(folder / "out", "big") == std::string("\x00\x7c\x00\x7c\x00\xfc\x00\x40", 8));
  REQUIRE(report.losses.size() == 2);
  CHECK(report.losses[0].counts.created == 0);  // computed in f32, where there is room
  CHECK(report.losses[0].counts.overflowed == 3);
  CHECK(report.losses[1].counts.overflowed == 1);
}

TEST_CASE("NaN and Inf that an input has are nobody's fault") {
  TempFolder folder;
  const auto a = write_file(folder / "A", {bits("w", Dtype::F16, {3}, {0x7c00, 0x7e00, 0x3c00})});
  const auto b = write_file(folder / "B", {bits("w", Dtype::F16, {3}, {0x3c00, 0x3c00, 0x3c00})});
  const RunReport report = merge(weighted(0.5), {a, b}, folder / "out");
  REQUIRE(report.losses.size() == 1);
  CHECK(report.losses[0].counts.non_finite == 2);
  CHECK(report.losses[0].counts.created == 0);
}

TEST_CASE("a step is reported once, whatever the number of its tiles") {
  TempFolder folder;
  const FileTensor tensor = bits("w", Dtype::F16, {50000}, std::vector<uint64_t>(50000, 0x7bff));
  const auto a = write_file(folder / "A", {tensor}), b = write_file(folder / "B", {tensor});
  const RunReport report =
      merge(doubled(NanPolicy::warn), {a, b}, folder / "out", {.sync = false, .threads = 3, .tile_size = 4096});
  REQUIRE(report.losses.size() == 1);
  CHECK(report.losses[0].counts.overflowed == 50000);
}

TEST_CASE("Inf that becomes NaN is refused, unless every checkpoint has it") {
  TempFolder folder;
  const auto a = write_file(folder / "A", {f32("w", {2}, {INFINITY, 1})}),
             b = write_file(folder / "B", {f32("w", {2}, {1, 2})});
  const Recipe difference{.method = "add_difference"};
  const Failure fault = failure([&] { merge(difference, {b, a, a}, folder / "out"); });
  CHECK(fault.code == ErrorCode::mismatch);
  CHECK(fault.details == std::vector<std::string>{"w: 1 value"});
  merge(difference, {a, a, a}, folder / "out");
  CHECK(tensor_bytes(folder / "out", "w") == tensor_bytes(a, "w"));
}

TEST_CASE("a variance below zero is refused, whatever computes it, unless an input has it") {
  TempFolder folder;
  const auto file = [&](const char* name, const char* tensor, std::vector<float> values) {
    return write_file(folder / name, {f32(tensor, {values.size()}, values)});
  };
  const Recipe beyond{.method = "linear", .parameters = {{"weights", {2, -1}}, {"normalize", {0}}}};
  for (const char* tensor : {"bn.running_var", "bn.moving_variance", "_variance", "batch_stats.bn.var"}) {
    const auto a = file("A", tensor, {1, 1, -1}), b = file("B", tensor, {1.5, 3, 0});
    const Failure fault = failure([&] { merge(beyond, {a, b}, folder / "out"); });
    CHECK(fault.code == ErrorCode::mismatch);
    CHECK(
        fault.text.starts_with("the result would have 1 variance below 0, whose square root is NaN, where no input has "
                               "one, in 1 tensor; give coefficients that are nearer to 0"));
    CHECK(fault.details == std::vector<std::string>{std::string(tensor) + ": 1 variance below 0"});
  }
  for (const char* tensor : {"running_var.weight", "bn.variance_epsilon", "var"}) {
    const auto a = file("A", tensor, {1, 1}), b = file("B", tensor, {1.5, 3});
    merge(beyond, {a, b}, folder / "out", {.replace = true, .sync = false});
  }
  // accumulated
  std::vector<std::string> many(10, file("A", "running_var", {1, 1, -1}));
  many.back() = file("B", "running_var", {1.5, 3, 0});
  std::vector<double> weights(10, 0.5);
  weights.back() = -1.6;
  const Recipe sum{.method = "linear", .parameters = {{"weights", weights}, {"normalize", {0}}}};
  CHECK(failure([&] { merge(sum, many, folder / "refused"); }).details ==
        std::vector<std::string>{"running_var: 1 variance below 0"});
}

TEST_CASE("values that are stored as zero are counted, and a tensor of which nothing is left is told") {
  TempFolder folder;
  std::vector<float> tiny(3000, 1e-9f), some = tiny;
  some[2999] = 1;
  const auto a =
      write_file(folder / "A", {f32("gone", {3000}, tiny), f32("kept", {3000}, some), f32("zero", {2}, {0, -0.0f})});
  Recipe recipe{.method = "copy"};
  recipe.dtype = Dtype::F16;
  const RunReport report = merge(recipe, {a}, folder / "out", {.replace = true, .sync = false, .tile_size = 4096});
  REQUIRE(report.losses.size() == 2);
  CHECK(report.losses[0].counts.vanished == 3000);
  CHECK(report.losses[0].all_zero);
  CHECK(report.losses[1].counts.vanished == 2999);
  CHECK_FALSE(report.losses[1].all_zero);
  recipe.underflow = UnderflowPolicy::error;
  const Failure fault = failure([&] { merge(recipe, {a}, folder / "refused"); });
  CHECK(fault.code == ErrorCode::mismatch);
  CHECK(
      fault.text ==
      "the result would have only zeros in 1 tensor, whose values are too small for the dtype; store them in one with "
      "more range (--dtype bf16 or f32), or take them (--underflow warn)");
  CHECK(fault.details == std::vector<std::string>{"gone: 3000 values too small for F16"});
  recipe.dtype = Dtype::BF16;
  CHECK(merge(recipe, {a}, folder / "out", {.replace = true, .sync = false}).losses.empty());
}
