// SPDX-License-Identifier: Apache-2.0
// Equal stays equal: an element in which all checkpoints that count hold the same bits comes out as those bits where
// the coefficients add up to one.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// What arithmetic changes: numbers whose shares do not add up to them, both zeros, Inf, NaN of several payloads.
std::vector<FileTensor> awkward() {
  std::vector<float> numbers;
  for (int i = 0; i < 5000; ++i) numbers.push_back(static_cast<float>(i * 0.37 - 900));
  return {
      f32("numbers", {5000}, numbers),
      bits("single", Dtype::F32, {6}, {0x80000000, 0x7f800000, 0xff800000, 0x7fc00001, 0xffffffff, 0x7f800001}),
      bits("half", Dtype::F16, {5}, {0x8000, 0x7c00, 0xfc00, 0xffff, 0x7c01}),
      bits("brain", Dtype::BF16, {4}, {0x8000, 0x7f80, 0xffff, 0x7f81}),
      bits("e5m2", Dtype::F8_E5M2, {4}, {0x80, 0x7c, 0xfd, 0x7d}),
      bits("e4m3", Dtype::F8_E4M3, {3}, {0x80, 0xff, 0x7f}),
      bits("wide", Dtype::F64, {4}, {0x8000000000000000, 0x7ff0000000000000, 0xfff8000000000123, 0x3fd3333333333333})};
}

void check_unchanged(const Recipe& recipe, size_t copies, const TempFolder& folder) {
  CAPTURE(recipe.method);
  CAPTURE(copies);
  const std::vector<FileTensor> tensors = awkward();
  const std::string a = write_file(folder / "A", tensors);
  merge_every_way(recipe, std::vector<std::string>(copies, a), folder);
  for (const FileTensor& tensor : tensors)
    CHECK_MESSAGE(tensor_bytes(folder / "out", tensor.name) == tensor.bytes, tensor.name);
}

Recipe linear(std::vector<double> weights) {
  return {.method = "linear", .parameters = {{"weights", std::move(weights)}, {"normalize", {0}}}};
}

}  // namespace

TEST_CASE("a merge of a model with itself is that model") {
  TempFolder folder;
  for (const double alpha : {0.3, 0.5, 1.75, -0.1, 1e-9}) check_unchanged(weighted(alpha), 2, folder);
  check_unchanged({.method = "add_difference", .parameters = {{"alpha", {0.7}}}}, 3, folder);
  check_unchanged({.method = "slerp", .parameters = {{"t", {0.3}}}}, 2, folder);
  check_unchanged(linear({0.1, 0.2, 0.7}), 3, folder);
  check_unchanged(linear({3, -2.5, 0.25, 0.25}), 4, folder);
  check_unchanged({.method = "linear"}, 9, folder);
  check_unchanged({.method = "linear"}, 20, folder);
}

TEST_CASE("a frozen layer comes out as it went in, beside one that was trained") {
  TempFolder folder;
  const FileTensor frozen = awkward()[0];
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 11; ++k)
    paths.push_back(
        write_file(folder / ("in" + std::to_string(k)), {frozen, random("trained", Dtype::BF16, {3000}, k)}));
  merge_every_way({.method = "linear"}, paths, folder);
  CHECK(tensor_bytes(folder / "out", "numbers") == frozen.bytes);
}

TEST_CASE("what is equal in value and not in bits, or in most checkpoints only, is computed") {
  TempFolder folder;
  const auto a = write_file(folder / "A", {f32("w", {3}, {0.0f, 1, 5})}),
             b = write_file(folder / "B", {f32("w", {3}, {-0.0f, 1, 6})});
  merge(weighted(0.5), {a, b}, folder / "out");
  CHECK(tensor_bytes(folder / "out", "w") == f32("w", {3}, {0.0f, 1, 5.5f}).bytes);
  // weights that do not add up to one scale what is equal
  merge(linear({0.5, 0.25}), {a, a}, folder / "scaled");
  CHECK(tensor_bytes(folder / "scaled", "w") == f32("w", {3}, {0.0f, 0.75f, 3.75f}).bytes);
}

TEST_CASE("equal numbers of different dtypes are the number") {
  TempFolder folder;
  const auto a = write_file(folder / "A", {f32("w", {2}, {0.3125f, 3})});
  const auto b = write_file(folder / "B", {bits("w", Dtype::F16, {2}, {0x3500, 0x4200})});
  merge(weighted(0.3), {a, b}, folder / "out");
  CHECK(tensor_bytes(folder / "out", "w") == f32("w", {2}, {0.3125f, 3}).bytes);
}
