// SPDX-License-Identifier: Apache-2.0
// NaN and Inf that no input has: refused before the target exists, or reported.
#include <doctest/doctest.h>

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
        "the result would have 4 values that are NaN or Inf where no input has one, in 2 tensors; store the result in "
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
    CHECK(text.find("1 value that is NaN or Inf") != std::string::npos);
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
      "the numbers are too large for the arithmetic: give coefficients that are nearer to 0, or take them (--nan warn)";
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
  CHECK(report.losses[0].counts.created == 3);
  CHECK(report.losses[0].counts.overflowed == 3);
  CHECK(report.losses[1].counts.created == 1);
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
  CHECK(report.losses[0].counts.created == 50000);
}
