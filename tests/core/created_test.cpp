// SPDX-License-Identifier: Apache-2.0
// NaN and Inf that no input has: refused before the target exists, or reported.
#include <doctest/doctest.h>

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
  CHECK(fault.text.find("4 values") != std::string::npos);
  CHECK(fault.text.find("--nan warn") != std::string::npos);
  CHECK(fault.details == std::vector<std::string>{"big: 3 values", "huge: 1 value"});
  CHECK(folder.names() == std::vector<std::string>{"A", "B"});
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
